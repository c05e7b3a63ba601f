"""A real Redis on a free port of loopback, that can be killed, frozen and started anew. It keeps nothing on disk."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import components

_PATIENCE_S = 10


class RedisServer:
    """One Redis. It is a component that not every machine has: see `tests.components`."""

    def __init__(self, folder: Path) -> None:
        components.require("redis-server")
        self._folder = folder
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, empty, and waits until it answers."""
        options = {"port": self.port, "bind": "127.0.0.1", "unixsocket": self.socket, "save": "", "appendonly": "no", "dir": self._folder}
        command = ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + _PATIENCE_S
        while not self._answers():
            assert time.monotonic() < end, "Redis does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Lets it stand still: connections are taken by the system, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """It has forgotten everything."""
        self.kill()
        self.start()

    def empty(self) -> None:
        """Lets it forget everything while it goes on."""
        self.tell("FLUSHALL")

    def tell(self, command: str) -> None:
        """Lets it do something that it answers with OK."""
        assert self._tell(f"{command}\r\n".encode()).startswith(b"+OK")

    def _answers(self) -> bool:
        try:
            return self._tell(b"PING\r\n").startswith(b"+PONG")
        except OSError:
            return False

    def _tell(self, command: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(command)
            return connection.recv(64)


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """A Redis that answers."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
