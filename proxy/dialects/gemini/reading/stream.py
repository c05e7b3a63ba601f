"""The records of an answer -> events: decodes them. Nothing marks the end but that the bytes end. Pure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from proxy.canonical.event_stream_reader import TERMINATOR, EventStreamReader, Unreadable
from proxy.canonical.events import ChatEvent
from proxy.dialects.gemini.reading.answer import Answer
from proxy.wire.exact_json import has_long_numbers, loads_exact
from proxy.wire.sse import SseEvent


class GeminiReader(EventStreamReader):
    """Reads one answer, stream or whole; see `EventStreamReader`.

    Args:
        new_id: makes what tells one id from another.
    """

    __slots__ = ("_answer",)

    def __init__(self, new_id: Callable[[], str]) -> None:
        super().__init__(has_arguments=True)
        self._answer = Answer(new_id)

    @property
    def _has_said_why(self) -> bool:
        return self._answer.finish_reason is not None

    def _read(self, records: list[SseEvent], events: list[ChatEvent]) -> None:
        for record in records:
            text = record.data.strip()
            if not text or text == TERMINATOR:
                continue
            payload = self._decoded(text)
            if record.name == "error" and isinstance(payload, dict) and not payload.get("error"):
                payload = {"error": payload}
            self._answer.take(payload, events)

    def _take_body(self, body: bytes, events: list[ChatEvent]) -> None:
        with suppress(Unreadable):  # It was cut: the answer's own end decides what that means.
            self._answer.take(self._decoded(body), events)

    def _end(self, events: list[ChatEvent]) -> None:
        self._answer.end(events)

    def _decoded(self, text: bytes) -> Any:
        try:
            if b'"functionCall"' in text and has_long_numbers(text):
                return loads_exact(text)
            return orjson.loads(text)
        except ValueError:
            return self._mended(text)
