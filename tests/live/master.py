"""A gunicorn master in a process of its own, as an operator would start it, and what it says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil
import requests

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "import sys; from proxy.cli import main; sys.exit(main())")
_PATIENCE_S = 60


@dataclass
class Master:
    """A running master. `lines` and `errors` grow while it runs."""

    process: subprocess.Popen[str]
    address: str
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def records(self) -> list[dict[str, object]]:
        """The log; raises when a line of it is no JSON."""
        return [orjson.loads(line) for line in self.lines]

    def messages(self) -> list[str]:
        return [str(record["message"]) for record in self.records()]

    def await_message(self, text: str, times: int = 1) -> None:
        """Waits until the log says `text`, so many times."""
        wait_until(lambda: sum(text in message for message in self.messages()) >= times, lambda: self.lines + self.errors)

    def await_answer(self) -> None:
        """Waits until a worker answers."""
        wait_until(lambda: answers(self.address), lambda: self.lines + self.errors)

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def stop(self) -> int:
        """Asks it to stop, and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=_PATIENCE_S)


@contextmanager
def running(arguments: Sequence[str], environ: Mapping[str, str], cwd: Path) -> Iterator[Master]:
    """A master with a free port in `PROXY_PORT`; it is ended, if need be by force."""
    port = a_free_port()
    ours = {"PROXY_HOST": "127.0.0.1", "PROXY_PORT": str(port), "WEB_CONCURRENCY": "1", "DRAIN_DELAY": "0"}
    everything = {**clean_environment(), **ours, **environ}
    process = subprocess.Popen(
        list(arguments), env=everything, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    master = Master(process, f"http://127.0.0.1:{port}")
    readers = [threading.Thread(target=_gather, args=args) for args in ((process.stdout, master.lines), (process.stderr, master.errors))]
    for reader in readers:
        reader.start()
    try:
        yield master
    finally:
        _end(process)
        for reader in readers:
            reader.join(timeout=_PATIENCE_S)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _end(process: subprocess.Popen[str]) -> None:
    """Ends the master at once, but so that it can tidy up; by force if it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def _gather(stream: Iterator[str], into: list[str]) -> None:
    for line in stream:
        into.append(line.rstrip("\n"))  # noqa: PERF401 - one by one, so that others can look on


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that is a setting, and with the sources to be found from everywhere."""
    from proxy.settings import Settings

    settings = {doc.name for doc in Settings.describe()} | {"PROMETHEUS_MULTIPROC_DIR", "GUNICORN_CMD_ARGS"}
    return {name: value for name, value in os.environ.items() if name not in settings}


def a_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def wait_until(holds: Callable[[], bool], tell: Callable[[], object]) -> None:
    """Waits until `holds()`; fails with what `tell()` returns."""
    end = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < end, tell()
        time.sleep(0.05)
