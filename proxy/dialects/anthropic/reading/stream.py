"""The bytes of an answer -> events: finds out what the server sent, cuts it into records, and ends the stream honestly. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from proxy.canonical.answer_reader import AnswerReader
from proxy.canonical.events import ChatEvent
from proxy.dialects.anthropic.reading.answer import Answer
from proxy.dialects.anthropic.reading.refusals import refusal_in_answer
from proxy.errors import UpstreamBroken
from proxy.wire.deep_json import fault_of, is_too_much
from proxy.wire.exact_json import has_long_numbers, loads_exact
from proxy.wire.lenient_json import LenientJson
from proxy.wire.refusals import described
from proxy.wire.sse import SseEvent, SseReader
from proxy.wire.whole_answer import WholeAnswer

_DONE = b"[DONE]"
# Whose arguments may stand in the record as they are; in records behind it they are text.
_CALL = b'"tool_use"'


class ClaudeReader(AnswerReader):
    """Reads one answer, stream or whole; see `proxy.dialect.StreamReader`.

    Content types are not asked: what begins with a brace or a bracket is JSON, and is read at the end; what begins with `<` is a web page;
    the rest is a stream of events.

    Args:
        new_id: makes what tells one id from another.
    """

    __slots__ = ("_answer", "_lenient", "_sse", "_whole")

    def __init__(self, new_id: Callable[[], str]) -> None:
        super().__init__()
        self._answer = Answer(new_id)
        self._lenient = LenientJson(has_arguments=True)
        self._sse: SseReader | None = None
        self._whole = WholeAnswer()

    @property
    def _has_said_why(self) -> bool:
        return bool(self._answer.stop_reason)

    def _take(self, chunk: bytes, events: list[ChatEvent]) -> None:
        if self._sse is None:
            chunk = self._whole.take(chunk)
            if not chunk:
                return
            self._sse = SseReader()
        self._read(self._sse.feed(chunk), events)

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
        if not text or text == _DONE:  # OpenAI's end, which some servers write here too, behind their own
            return None
        try:
            return self._lenient.read(text)
        except ValueError as error:
            if record.field == "error" or record.name == "error":
                return text.decode("utf-8", "replace")
            raise UpstreamBroken(f"the upstream sent an event that is {fault_of(error)}: {described(text)}") from error

    def _take_end(self, events: list[ChatEvent]) -> None:
        body = self._whole.body
        if body:
            self._take_body(body, events)
        elif self._sse is None:
            raise UpstreamBroken("the upstream's answer is empty")
        else:
            self._read_rest(self._sse, events)
        if not self._over:
            if not self._answer.stop_reason:
                raise UpstreamBroken("the upstream's answer ended before it was complete")
            self._finish(events)

    def _take_body(self, body: bytes, events: list[ChatEvent]) -> None:
        try:
            payload = loads_exact(body) if has_long_numbers(body) else orjson.loads(body)
        except ValueError:
            try:
                payload = self._lenient.read(body)
            except ValueError as error:  # An error without its `data:`, or half an answer.
                if is_too_much(error):
                    raise UpstreamBroken(f"the upstream sent an answer that is {fault_of(error)}: {described(body)}") from error
                sse = SseReader()
                self._read(sse.feed(body), events)
                self._read_rest(sse, events)
                return
        self._answer.take_whole(payload, events)
        self._finish(events)

    def _read_rest(self, sse: SseReader, events: list[ChatEvent]) -> None:
        """Reads the last record. Where the stream broke off in the middle of one, that is what happened, and not that it is no JSON."""
        self._read([record for record in sse.close() if _is_whole(record.data)], events)

    def _finish(self, events: list[ChatEvent]) -> None:
        self._over = True
        self._answer.end(events)


def _is_whole(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return is_too_much(error)
    return True
