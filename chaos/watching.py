"""What the workers of the subject hold, while they hold it: file descriptors and memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

import psutil


@dataclass(frozen=True, slots=True)
class Sample:
    """One worker at one time."""

    at_s: float
    pid: int
    descriptors: int
    memory_bytes: int


async def watch(workers: Callable[[], Sequence[psutil.Process]], into: list[Sample], interval_s: float) -> None:
    """Looks again and again until it is cancelled."""
    while True:
        into += await asyncio.to_thread(lambda: list(_look(workers())))
        await asyncio.sleep(interval_s)


def _look(workers: Sequence[psutil.Process]) -> Iterator[Sample]:
    for worker in workers:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            yield Sample(time.monotonic(), worker.pid, worker.num_fds(), worker.memory_info().rss)


@dataclass(frozen=True, slots=True)
class Growth:
    """The worker that got most descriptors, and the one that got most memory, early and late: in the second and in the last quarter of its
    samples, the least descriptors and the median of memory. What leaks is there even when least is under way, and when nothing is, as in
    the end.
    """

    descriptors_before: int
    descriptors_after: int
    memory_before_bytes: float
    memory_after_bytes: float

    def problems(self) -> list[str]:
        """In what it is not flat."""
        found = []
        if self.descriptors_after > self.descriptors_before + _MORE_DESCRIPTORS:
            found.append(f"file descriptors grew from {self.descriptors_before} to {self.descriptors_after}")
        if self.memory_after_bytes > self.memory_before_bytes + _MORE_BYTES:
            found.append(f"memory grew from {self.memory_before_bytes / 2**20:.1f} to {self.memory_after_bytes / 2**20:.1f} MiB")
        return found


# Pools and caches reach their size.
_MORE_DESCRIPTORS = 20
_MORE_BYTES = 8 * 2**20
_LEAST_SAMPLES = 8


def growth(samples: Sequence[Sample]) -> Growth | None:
    """The most that any worker has grown, in each of both; `None` when nobody was watched for long enough."""
    by_worker: dict[int, list[Sample]] = {}
    for sample in samples:
        by_worker.setdefault(sample.pid, []).append(sample)
    found = [_growth(of_one) for of_one in by_worker.values() if len(of_one) >= _LEAST_SAMPLES]
    if not found:
        return None
    held = max(found, key=lambda one: one.descriptors_after - one.descriptors_before)
    size = max(found, key=lambda one: one.memory_after_bytes - one.memory_before_bytes)
    return Growth(held.descriptors_before, held.descriptors_after, size.memory_before_bytes, size.memory_after_bytes)


def _growth(samples: Sequence[Sample]) -> Growth:
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    return Growth(
        min(sample.descriptors for sample in second),
        min(sample.descriptors for sample in last),
        median(sample.memory_bytes for sample in second),
        median(sample.memory_bytes for sample in last),
    )
