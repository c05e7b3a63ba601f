"""Ports for servers that die and come back on the same one."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000


def quiet_port() -> int:
    """A free port of 127.0.0.1 that the system gives to no outgoing connection.

    While nobody listens on one that it may give, a client that asks there can be given that very port, and then talks to itself.
    """
    highest = int(_RANGE.read_text().split()[0]) - 1
    while True:
        port = random.randint(_LOWEST, highest)  # noqa: S311 - so that runs side by side do not meet
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
