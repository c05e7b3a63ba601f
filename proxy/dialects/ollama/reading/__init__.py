"""How answers of Ollama servers are read: bytes -> events, vectors and models, or the error that they tell. Pure."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from proxy.canonical.events import ChatEvent
from proxy.dialects.ollama.reading.stream import LineReader
from proxy.routing import Route


def stream_reader(route: Route, new_id: Callable[[], str]) -> LineReader:
    """A reader for the answer to a streamed call; it also reads a whole answer, which is one line.

    Args:
        new_id: makes letters and digits; Ollama's answers have no ids, and older servers' calls have none either.
    """
    return LineReader(new_id, split_think_tags=route.profile.think_tags)


def read_completion(body: bytes, route: Route, new_id: Callable[[], str]) -> list[ChatEvent]:
    """The events of a whole answer, up to `Finished` or `Failed`."""
    reader = stream_reader(route, new_id)
    return [*(reader.feed(_on_one_line(body)) if body else ()), *reader.close()]


def _on_one_line(body: bytes) -> bytes:
    """`body`, where a server in between wrote one object in several lines, in one."""
    if body.count(b"\n") < 2:
        return body
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return body.translate(bytes.maketrans(b"\r\n", b"  "))
