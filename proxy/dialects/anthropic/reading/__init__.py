"""How answers of servers that speak Anthropic's language are read: bytes -> events, or the error that they tell. Pure."""

from __future__ import annotations

from collections.abc import Callable

from proxy.canonical.events import ChatEvent
from proxy.dialects.anthropic.reading.refusals import read_error
from proxy.dialects.anthropic.reading.stream import ClaudeReader
from proxy.routing import Route

__all__ = ["read_completion", "read_error", "stream_reader"]


def stream_reader(route: Route, new_id: Callable[[], str]) -> ClaudeReader:
    """A reader for the answer to a streamed call; it also reads a whole JSON answer, should the server send one.

    Args:
        new_id: makes letters and digits; ids that servers leave out become `msg_...` and `toolu_...` with them.
    """
    return ClaudeReader(new_id)


def read_completion(body: bytes, route: Route, new_id: Callable[[], str]) -> list[ChatEvent]:
    """The events of a whole answer, up to `Finished` or `Failed`; it may be a stream, from servers that know nothing else."""
    reader = ClaudeReader(new_id)
    return [*(reader.feed(body) if body else ()), *reader.close()]
