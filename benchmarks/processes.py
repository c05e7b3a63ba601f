"""Programs that a run starts: each on the core that it is told, with a log of its own, and ended by its own id."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from benchmarks.machine import find_program

_STOPPING_S = 6
_POLL_S = 0.005
_LAST_WORDS = 60
_SETTLING_S = 5
_IDLE_S = 0.1


class DidNotStart(Exception):
    """A program ended, or said nothing in time; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a program is started. It serves on 127.0.0.1; it is there when `ready_path` is answered by anything but a server error."""

    command: Sequence[str]
    port: int
    ready_path: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    patience_s: float = 30


class Program:
    """A running program and its children.

    Attributes:
        url: where it serves, without a slash at the end.
        started_s: how long it took from its start to its first answer.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.started_s = 0.0
        self._port = port
        self._log = log
        self._process = process
        self._root = psutil.Process(process.pid)

    def cpu_s(self) -> float:
        """Seconds of processor time, user and system, of all its living processes since their start."""
        return sum(_cpu_s(process) for process in self._family())

    def waited_s(self) -> float:
        """Seconds that its living processes could have worked, but did not get the core, which somebody else had."""
        return sum(_waited_s(process.pid) for process in self._family())

    def settle(self) -> bool:
        """Waits until it has done what was still asked of it: clients that left do not take back their requests. `False`: it stays busy."""
        give_up_at = time.monotonic() + _SETTLING_S
        cpu_s = self.cpu_s()
        while time.monotonic() < give_up_at:
            time.sleep(_IDLE_S)
            before_s, cpu_s = cpu_s, self.cpu_s()
            if cpu_s - before_s < _IDLE_S / 4:
                return True
        return False

    def memory_bytes(self) -> int:
        """The resident memory of its largest process: its one worker."""
        return max(_resident_bytes(process) for process in self._family())

    def idle_share(self, seconds: float) -> float:
        """The share of a core that it takes while nobody asks for anything."""
        cpu_s = self.cpu_s()
        time.sleep(seconds)
        return (self.cpu_s() - cpu_s) / seconds

    def forget_peak(self) -> None:
        """Lets `peak_bytes` begin anew."""
        for process in self._family():
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")

    def peak_bytes(self) -> int:
        """The most resident memory that one of its processes has had since `forget_peak`."""
        return max(_status_bytes(process.pid, "VmHWM") for process in self._family())

    def worker_pid(self) -> int:
        """The id of its largest process."""
        return int(max(self._family(), key=_resident_bytes).pid)

    def await_answer(self, path: str, patience_s: float) -> None:
        """Waits for the first answer. Raises `DidNotStart`."""
        began = time.perf_counter()
        while time.perf_counter() - began < patience_s and self._process.poll() is None:
            if _answers(self._port, path):
                self.started_s = time.perf_counter() - began
                return
            time.sleep(_POLL_S)
        last_words = self._log.read_text(errors="replace").split()[-_LAST_WORDS:]
        raise DidNotStart(" ".join(last_words) or f"no answer in {patience_s} s")

    def stop(self) -> None:
        """Asks it to end, and ends it with all its children when it does not."""
        family = self._family()
        self._process.terminate()
        try:
            self._process.wait(_STOPPING_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        _, alive = psutil.wait_procs([process for process in family if process.pid != self._process.pid], timeout=_STOPPING_S)
        for process in alive:
            process.kill()

    def _family(self) -> list[psutil.Process]:
        """It and its children, as many as live."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self._root, *self._root.children(recursive=True)]
        return []


@contextlib.contextmanager
def running(launch: Launch, core: int, folder: Path) -> Iterator[Program]:
    """The program, from its first answer on. It gets a clean environment and `folder` to work in, where its log is kept too.

    Raises:
        DidNotStart: there was no answer.
    """
    log = folder / f"{launch.port}.log"
    with log.open("wb") as output:
        program = Program(_spawn(launch, core, folder, output), launch.port, log)
    try:
        program.await_answer(launch.ready_path, launch.patience_s)
        yield program
    finally:
        program.stop()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """The command, bound to a core. taskset becomes the command, so that its id stays that of the program."""
    return [find_program("taskset"), "--cpu-list", str(core), *command]


def _spawn(launch: Launch, core: int, folder: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - programs that this package names
        pinned(core, launch.command),
        cwd=folder,
        env={**inherited, **launch.env},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _cpu_s(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _waited_s(pid: int) -> float:
    """Of its first thread, in which a worker works; 0 where the system does not count it."""
    # Time at work, time in the queue for a processor, how often it got one. Source: Documentation/scheduler/sched-stats.rst of Linux.
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


def _resident_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0


def _status_bytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
