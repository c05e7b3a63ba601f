"""A connection to each worker: what one worker says tells nothing about the other, and the kernel may give one of them all requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from typing import Any

import orjson
import psutil

from tests.live.master import Master, wait_until


def told(connection: HTTPConnection, path: str) -> Any:
    """The JSON that a worker answers with."""
    connection.request("GET", path)
    return orjson.loads(connection.getresponse().read())


@contextmanager
def one_of_each(master: Master) -> Iterator[dict[int, HTTPConnection]]:
    """Connections that stay open, by the process id of the worker that has taken them."""
    with ExitStack() as opened:
        found: dict[int, HTTPConnection] = {}

        def all_are_met() -> bool:
            connection = opened.enter_context(closing(HTTPConnection(master.address.removeprefix("http://"), timeout=5)))
            told(connection, "/health")
            ours = connection.sock.getsockname()[1]
            taker = next((pid for pid in master.workers() if ours in _peers(pid)), None)
            if taker is not None:
                found.setdefault(taker, connection)
            return found.keys() == set(master.workers())

        wait_until(all_are_met, lambda: master.lines)
        yield found


def _peers(pid: int) -> set[int]:
    """The ports at the other ends of a process's connections."""
    return {one.raddr.port for one in psutil.Process(pid).net_connections("tcp") if one.raddr}
