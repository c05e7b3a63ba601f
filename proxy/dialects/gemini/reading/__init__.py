"""How Gemini's answers are read: bytes -> events, or the error that they tell. Pure."""

from __future__ import annotations

from collections.abc import Callable

from proxy.canonical.events import ChatEvent
from proxy.dialects.gemini.reading.refusals import read_error
from proxy.dialects.gemini.reading.stream import GeminiReader
from proxy.routing import Route

__all__ = ["read_completion", "read_error", "stream_reader"]


def stream_reader(route: Route, new_id: Callable[[], str]) -> GeminiReader:
    """A reader for the answer to a streamed call; it also reads a whole JSON answer, and a stream that was sent as one JSON array.

    Args:
        new_id: makes letters and digits; ids that the server leaves out become `gemini-...` and `call_...` with them.
    """
    return GeminiReader(new_id)


def read_completion(body: bytes, route: Route, new_id: Callable[[], str]) -> list[ChatEvent]:
    """The events of a whole answer, up to `Finished` or `Failed`."""
    reader = stream_reader(route, new_id)
    return [*(reader.feed(body) if body else ()), *reader.close()]
