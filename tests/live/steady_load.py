"""Clients that ask one thing after the other over connections that stay open, retry nothing, and keep a record of every answer.

A connection that was closed while it was idle is left alone, as HTTP libraries do; a request that was sent must be answered.
"""

from __future__ import annotations

import http.client
import itertools
import json
import math
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_WORDS = 12
_PAUSE_S = 0.03
_MOMENT_S = 0.05
_PATIENCE_S = 30
_HELLO = {"model": "demo-chat", "messages": [{"role": "user", "content": f"count to {_WORDS}"}]}
_ASKS = (
    ("/api/chat", True, b'"done":true'),
    ("/v1/chat/completions", False, b'"finish_reason":"stop"'),
    ("/v1/chat/completions", True, b"data: [DONE]"),
    ("/api/chat", False, b'"done":true'),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request; `failure` is empty when its answer was complete, and `is_first` tells that its connection was new."""

    path: str
    stream: bool
    began_s: float
    took_s: float
    failure: str
    is_first: bool


@dataclass(slots=True)
class Load:
    """What the clients have seen so far.

    Attributes:
        refused: connections that were not taken: by design, once the listeners are closed.
        told_to_close: answers that said that they are their connection's last.
        found_closed: connections that were closed while they were idle.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    refused: int = 0
    first_refused_s: float = math.inf
    told_to_close: int = 0
    found_closed: int = 0

    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.failure]

    def failures_before_the_end(self) -> list[Outcome]:
        """Without connections that came at the very moment at which the last listener was closed: nobody can take these."""
        return [failed for failed in self.failures() if not (failed.is_first and failed.began_s > self.first_refused_s - _MOMENT_S)]


@contextmanager
def steady_load(address: str, clients: int = 4, pause_s: float = _PAUSE_S, keep: bool = True) -> Iterator[Load]:
    """Asks for as long as the block lasts. Each client begins with another kind of request, so that all kinds are under way at any time.

    Args:
        keep: whether connections stay open; else each request has one of its own.
    """
    load, enough = Load(), threading.Event()
    threads = [threading.Thread(target=_ask_on, args=(address, number, pause_s, keep, load, enough)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        enough.set()
        for thread in threads:
            thread.join(_PATIENCE_S)


def _ask_on(address: str, number: int, pause_s: float, keep: bool, load: Load, enough: threading.Event) -> None:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=_PATIENCE_S)
    connection.auto_open = 0
    for path, stream, end in itertools.islice(itertools.cycle(_ASKS), number, None):
        if enough.is_set():
            break
        is_first = not _is_open(connection, load)
        if not is_first or _opens(connection, load):
            load.outcomes.append(Outcome(path, stream, *_ask(connection, path, stream, end, load), is_first))
        if not keep:
            connection.close()
        enough.wait(pause_s)
    connection.close()


def _is_open(connection: http.client.HTTPConnection, load: Load) -> bool:
    """Whether the connection is there, and the server has not closed it."""
    if connection.sock is None:
        return False
    if select.select([connection.sock], [], [], 0)[0]:
        load.found_closed += 1
        connection.close()
        return False
    return True


def _opens(connection: http.client.HTTPConnection, load: Load) -> bool:
    try:
        connection.connect()
    except ConnectionRefusedError:
        load.refused += 1
        load.first_refused_s = min(load.first_refused_s, time.monotonic())
        return False
    return True


def _ask(connection: http.client.HTTPConnection, path: str, stream: bool, end: bytes, load: Load) -> tuple[float, float, str]:
    """When the request was sent, how long that took, and what went wrong."""
    began_s = time.monotonic()
    try:
        connection.request("POST", path, json.dumps({**_HELLO, "stream": stream}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        load.told_to_close += answer.will_close
        body = answer.read()
        failure = "" if answer.status == 200 and end in body and b"error" not in body else f"{answer.status}: {body[-200:]!r}"
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        failure = f"{type(error).__name__}: {error}"
    return began_s, time.monotonic() - began_s, failure
