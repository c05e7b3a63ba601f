"""The bytes of an answer -> events: finds out what the server sent, cuts it into records, and ends the stream honestly. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import orjson

from proxy.canonical.answer_reader import AnswerReader
from proxy.canonical.events import ChatEvent
from proxy.dialects.gemini.reading.answer import Answer
from proxy.errors import UpstreamBroken
from proxy.wire.deep_json import fault_of, is_too_much
from proxy.wire.exact_json import has_long_numbers, loads_exact
from proxy.wire.lenient_json import LenientJson
from proxy.wire.refusals import described
from proxy.wire.sse import SseEvent, SseReader
from proxy.wire.whole_answer import WholeAnswer


class _Unreadable(UpstreamBroken):
    """A record is no JSON, by any reading."""


class GeminiReader(AnswerReader):
    """Reads one answer, stream or whole; see `proxy.dialect.StreamReader`.

    Content types are not asked. What begins with a brace or a bracket is JSON, and is read at the end; what begins with `<` is a web page;
    the rest is a stream of events, among which errors may stand as bare JSON.

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
        return self._answer.finish_reason is not None

    def _take(self, chunk: bytes, events: list[ChatEvent]) -> None:
        if self._sse is None:
            chunk = self._whole.take(chunk)
            if not chunk:
                return
            self._sse = SseReader()
        self._read(self._sse.feed(chunk), events)

    def _take_end(self, events: list[ChatEvent]) -> None:
        self._take_rest(events)
        self._answer.end(events)
        self._over = True

    def _take_rest(self, events: list[ChatEvent]) -> None:
        """Reads the last bytes. They may have been cut in the middle of a record: the answer's own end decides what that means."""
        body = self._whole.body
        if body:
            with suppress(_Unreadable):
                self._answer.take(self._decoded(body), events)
        elif self._sse is None:
            raise UpstreamBroken("the upstream's answer is empty")
        else:
            with suppress(_Unreadable):
                self._read(self._sse.close(), events)

    def _read(self, records: Sequence[SseEvent], events: list[ChatEvent]) -> None:
        for record in records:
            text = record.data.strip()
            if not text or text == b"[DONE]":  # What proxies that speak OpenAI's language put at the end of all streams.
                continue
            payload = self._decoded(text)
            if record.name == "error" and isinstance(payload, dict) and not payload.get("error"):
                payload = {"error": payload}
            self._answer.take(payload, events)

    def _decoded(self, text: bytes) -> Any:
        try:
            if b'"functionCall"' in text and has_long_numbers(text):
                return loads_exact(text)
            return orjson.loads(text)
        except ValueError:
            try:
                return self._lenient.read(text)
            except ValueError as error:
                broken = UpstreamBroken if is_too_much(error) else _Unreadable
                raise broken(f"the upstream sent what is {fault_of(error)}: {described(text)}") from error
