"""Programs that are to suffer: each in a process group of its own, on any core, and spoken to by signals."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

import psutil

from benchmarks.processes import Launch, Program

ROOT = Path(__file__).parents[1]


class Victim(Program):
    """A running program; see `Program`. `log` is everything that it said."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        super().__init__(process, port, log)
        self.log = log

    @classmethod
    def start(cls, launch: Launch, folder: Path) -> Self:
        """The program, from its first answer on; it works in `folder`. Raises `DidNotStart`."""
        log = folder / f"{launch.port}.log"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - programs that this package names
                list(launch.command),
                cwd=folder,
                env={**inherited, **launch.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        victim = cls(process, launch.port, log)
        try:
            victim.await_answer(launch.ready_path, launch.patience_s)
        except BaseException:
            victim.stop()
            raise
        return victim

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal; not to its children."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """Ends it as a crash would, and waits until it is gone."""
        self._process.kill()
        self._process.wait()

    def await_end(self, patience_s: float) -> int | None:
        """Its exit status; `None` when it does not end."""
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None

    def workers(self) -> list[psutil.Process]:
        """Its children."""
        return [process for process in self._family() if process.pid != self._process.pid]

    def stop(self) -> None:
        """Ends it, also when it is frozen or dead."""
        if self._process.poll() is None:
            self.send(signal.SIGCONT)
            super().stop()
