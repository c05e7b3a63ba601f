"""The records of an answer -> events: decodes them, tells errors from messages, and ends where the server says so. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from proxy.canonical.event_stream_reader import TERMINATOR, EventStreamReader, Unreadable
from proxy.canonical.events import ChatEvent
from proxy.dialects.anthropic.reading.answer import Answer
from proxy.dialects.anthropic.reading.refusals import refusal_in_answer
from proxy.errors import UpstreamBroken
from proxy.wire.exact_json import has_long_numbers, loads_exact
from proxy.wire.sse import SseEvent

# Whose arguments may stand in the record as they are; in records behind it they are text.
_CALL = b'"tool_use"'


class ClaudeReader(EventStreamReader):
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
        return bool(self._answer.stop_reason)

    def _read(self, records: list[SseEvent], events: list[ChatEvent]) -> None:
        for record in records:
            if self._over:
                return
            payload = self._payload(record)
            if payload is None:
                continue
            if record.field == "error" or record.name == "error":
                raise refusal_in_answer(payload if isinstance(payload, dict) and payload.get("error") else {"error": payload})
            if self._answer.take(payload, record.name, events):
                self._finish(events)

    def _payload(self, record: SseEvent) -> Any:
        """What a record says, `None` for nothing."""
        try:
            if _CALL in record.data and has_long_numbers(record.data):
                return loads_exact(record.data)
            return orjson.loads(record.data)
        except ValueError:
            text = record.data.strip()
        if not text or text == TERMINATOR:
            return None
        return self._odd(record, text)

    def _take_body(self, body: bytes, events: list[ChatEvent]) -> None:
        try:
            payload = loads_exact(body) if has_long_numbers(body) else orjson.loads(body)
        except ValueError:
            try:
                payload = self._mended(body)
            except Unreadable:
                self._read_as_stream(body, events)
                return
        self._answer.take_whole(payload, events)
        self._finish(events)

    def _end(self, events: list[ChatEvent]) -> None:
        if not self._answer.stop_reason:
            raise UpstreamBroken("the upstream's answer ended before it was complete")
        self._answer.end(events)

    def _finish(self, events: list[ChatEvent]) -> None:
        self._over = True
        self._answer.end(events)
