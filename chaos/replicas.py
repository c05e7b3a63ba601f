"""Three replicas, as those see them who make them suffer."""

from __future__ import annotations

import http.client
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Launch
from chaos.diary import Attempt, read_attempts
from chaos.faults import WELL, Mode
from chaos.ports import quiet_port
from chaos.programs import ROOT, Victim

NAMES = ("a", "b", "c")
_PATIENCE_S = 5


@dataclass(slots=True)
class ReplicaBox:
    """One replica. It comes back on the port on which it died."""

    name: str
    folder: Path
    port: int = field(default_factory=quiet_port)
    control_port: int = field(default_factory=quiet_port)
    _victim: Victim | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Starts it; it is well then."""
        command = [sys.executable, "-m", "chaos.replica.server", self.name, str(self.port), str(self.control_port), str(self._diary)]
        self._victim = Victim.start(Launch(command, self.control_port, env={"PYTHONPATH": str(ROOT)}), self.folder)

    def kill(self) -> None:
        """Kills it: its port is closed from then on."""
        self._running.kill()

    def freeze(self) -> None:
        """Stops it: its port still takes connections, and nothing comes back."""
        self._running.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on with what has come meanwhile."""
        self._running.send(signal.SIGCONT)

    def behave(self, mode: Mode) -> None:
        """Tells it how to behave; it does so when this returns."""
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=_PATIENCE_S)
        try:
            connection.request("PUT", "/mode", mode.to_json())
            connection.getresponse().read()
        finally:
            connection.close()

    def recover(self) -> None:
        """Lets it behave well."""
        self.behave(WELL)

    def attempts(self) -> list[Attempt]:
        """What it has met so far."""
        if not self._diary.exists():
            return []
        lines = self._diary.read_bytes().splitlines()
        return read_attempts(self.name, lines)

    def stop(self) -> None:
        """Ends it."""
        if self._victim is not None:
            self._victim.stop()

    @property
    def _diary(self) -> Path:
        return self.folder / f"replica-{self.name}.diary"

    @property
    def _running(self) -> Victim:
        if self._victim is None:
            raise RuntimeError(f"replica {self.name} was never started")
        return self._victim
