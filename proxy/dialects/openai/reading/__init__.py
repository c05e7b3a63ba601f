"""How answers of OpenAI-compatible servers are read: bytes -> events, or the error that they tell. Pure."""

from __future__ import annotations

from collections.abc import Callable

from proxy.canonical.events import ChatEvent
from proxy.dialects.openai.reading.stream import ChunkReader
from proxy.dialects.openai.reading.usual import usual_events
from proxy.routing import Route
from proxy.wire.refusals import read_error

__all__ = ["read_completion", "read_error", "stream_reader"]


def stream_reader(route: Route, new_id: Callable[[], str]) -> ChunkReader:
    """A reader for the answer to a streamed call; it also reads a whole JSON answer, should the server send one.

    Args:
        new_id: makes letters and digits; ids that servers leave out become `chatcmpl-...` and `call_...` with them.
    """
    return ChunkReader(new_id, split_think_tags=route.profile.think_tags)


def read_completion(body: bytes, route: Route, new_id: Callable[[], str]) -> list[ChatEvent]:
    """The events of a whole answer, up to `Finished` or `Failed`; it may be a stream, from servers that know nothing else."""
    usual = usual_events(body)
    if usual is not None:
        return usual
    reader = stream_reader(route, new_id)
    return [*(reader.feed(body) if body else ()), *reader.close()]
