"""A real Redis that can be killed and comes back on its port, empty."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machine import CannotMeasure
from benchmarks.processes import DidNotStart
from chaos.ports import quiet_port

_PATIENCE_S = 5
_POLL_S = 0.02


def _program() -> str:
    found = shutil.which("redis-server")
    if found is None:
        raise CannotMeasure("redis-server is not installed. On Debian: apt-get install redis-server")
    return found


@dataclass(slots=True)
class RedisBox:
    """One Redis. It keeps nothing on disk."""

    folder: Path
    port: int = field(default_factory=quiet_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts it. Raises `DidNotStart`."""
        options = {"--port": str(self.port), "--bind": "127.0.0.1", "--save": "", "--appendonly": "no", "--dir": str(self.folder)}
        command = [_program(), *(word for option in options.items() for word in option)]
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        give_up_s = time.monotonic() + _PATIENCE_S
        while self.clients() is None:
            if time.monotonic() > give_up_s:
                self.kill()
                raise DidNotStart("Redis does not answer")
            time.sleep(_POLL_S)

    def clients(self) -> int | None:
        """How many others are connected; `None` when it does not answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"INFO clients\r\n")
                found = re.search(rb"connected_clients:(\d+)", connection.recv(4096))
        except OSError:
            return None
        return int(found[1]) - 1 if found else None

    def kill(self) -> None:
        """Kills it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
