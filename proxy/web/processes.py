"""What the worker processes cost, read from the operating system when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from proxy import __version__, telemetry


class ProcessFigures(Collector):
    """Memory, CPU time, threads and open files of each worker, and the version of the program."""

    def collect(self) -> Iterator[Family]:
        memory = GaugeMetricFamily(telemetry.PROCESS_MEMORY.name, telemetry.PROCESS_MEMORY.help, labels=telemetry.PROCESS_MEMORY.labels)
        cpu = CounterMetricFamily(telemetry.PROCESS_CPU.name, telemetry.PROCESS_CPU.help, labels=telemetry.PROCESS_CPU.labels)
        threads = GaugeMetricFamily(telemetry.PROCESS_THREADS.name, telemetry.PROCESS_THREADS.help, labels=telemetry.PROCESS_THREADS.labels)
        files = GaugeMetricFamily(telemetry.PROCESS_FDS.name, telemetry.PROCESS_FDS.help, labels=telemetry.PROCESS_FDS.labels)
        for process in worker_processes():
            try:
                with process.oneshot():
                    times, pid = process.cpu_times(), [str(process.pid)]
                    memory.add_metric(pid, process.memory_info().rss)
                    cpu.add_metric(pid, times.user + times.system)
                    threads.add_metric(pid, process.num_threads())
                    files.add_metric(pid, process.num_fds())
            except psutil.Error:
                continue  # It ended while we looked.
        yield from (memory, cpu, threads, files)
        build = GaugeMetricFamily(telemetry.BUILD.name, telemetry.BUILD.help, labels=telemetry.BUILD.labels)
        build.add_metric([__version__], 1)
        yield build


def worker_processes() -> Iterator[psutil.Process]:
    """The workers whose metrics are added up: those with a file of live gauges in prometheus_client's folder; without one, this process.

    The folder's variable is prometheus_client's own, set by gunicorn's configuration; it is no setting.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    pids = [int(file.stem.rpartition("_")[2]) for file in Path(folder).glob("gauge_livesum_*.db")] if folder else [os.getpid()]
    for pid in sorted(pids):
        try:
            yield psutil.Process(pid)
        except psutil.NoSuchProcess:
            continue
