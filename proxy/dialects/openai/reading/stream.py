"""The bytes of an answer -> events: finds out what the server sent, cuts it into records, and ends the stream honestly. Pure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from proxy.canonical.answer_reader import AnswerReader
from proxy.canonical.events import ChatEvent, PartDelta
from proxy.dialects.openai.reading.answer import Answer
from proxy.dialects.openai.reading.mould import Mould, Moulds
from proxy.errors import UpstreamBroken
from proxy.wire.deep_json import fault_of, is_too_deep
from proxy.wire.lenient_json import LenientJson
from proxy.wire.refusals import described, refusal_in_answer
from proxy.wire.sse import SseEvent, SseReader
from proxy.wire.whole_answer import WholeAnswer

_BLANK_LINE = b"\n\n"
# Among so many records is nearly always the first that a mould can be made of.
_FIRST_RECORDS = 5
# Below this, finding out where a mould begins to fit costs more than it saves.
_BURST_BYTES = 4 * 1024


class _Unreadable(UpstreamBroken):
    """A record is no JSON, by any reading."""


class ChunkReader(AnswerReader):
    """Reads one answer, stream or whole; see `proxy.dialect.StreamReader`.

    Content types are not asked: servers send streams without one, and whole answers or errors where a stream was asked for. What begins
    with a brace or a bracket is JSON, and is read at the end; what begins with `<` is a web page; the rest is a stream of events.

    Args:
        new_id: makes what tells one id from another.
        split_think_tags: whether thinking that the model wrote between tags becomes reasoning.
    """

    __slots__ = (*("_answer", "_first_reads", "_lenient", "_mould", "_moulds", "_one_by_one", "_sse", "_whole"),)

    def __init__(self, new_id: Callable[[], str], *, split_think_tags: bool) -> None:
        super().__init__(split_think_tags=split_think_tags)
        self._answer = Answer(new_id)
        self._lenient = LenientJson()
        self._sse: SseReader | None = None
        self._moulds = Moulds()
        self._mould: Mould | None = None  # the one that the next record may fit
        self._first_reads = _FIRST_RECORDS
        self._one_by_one = True
        self._whole = WholeAnswer()

    @property
    def _has_said_why(self) -> bool:
        return self._answer.finish_reason is not None

    @property
    def _is_plain(self) -> bool:
        return self._answer.is_plain

    def _take(self, chunk: bytes, events: list[ChatEvent]) -> None:
        """Reads the records that fit the mould in one step, all others in full. Both ways give the same events."""
        if self._sse is None:
            chunk = self._whole.take(chunk)
            if not chunk:
                return
            self._sse = SseReader()
        sse = self._sse
        while chunk and not self._over:
            mould = self._mould
            if mould is not None and chunk.startswith(mould.start):
                texts, chunk = mould.texts(chunk)
                events += [PartDelta(text) for text in texts if text]
                if texts:
                    self._moulds.have_fitted = True
                if not chunk:
                    return
            if self._one_by_one and len(chunk) > _BURST_BYTES:
                event, blank_line, rest = chunk.partition(_BLANK_LINE)
                self._take_in_full(event + blank_line, sse, events)
                chunk = rest
            else:
                self._take_in_full(chunk, sse, events)
                return

    def _take_in_full(self, chunk: bytes, sse: SseReader, events: list[ChatEvent]) -> None:
        records = sse.feed(chunk)
        text = self._read(records, events)
        field = self._answer.field
        if text is not None:
            self._moulds.learn(records[-1].data, text, field)
        mould = self._moulds.of_field(field)
        self._mould = mould if sse.at_rest else None
        self._first_reads -= 1
        # What follows the next record may fit: it was cut, or no mould could be made so far.
        self._one_by_one = self._mould is not mould or (mould is None and self._first_reads > 0)

    def _read(self, records: list[SseEvent], events: list[ChatEvent]) -> str | None:
        """Reads records in full. The text of the last one, if it says nothing else; see `Answer.take`."""
        answer, text = self._answer, None
        for record in records:
            try:
                payload = orjson.loads(record.data)
            except orjson.JSONDecodeError:
                text = None
                self._read_odd(record, events)
                if self._over:
                    return None
            else:
                if record.name or record.field != "data":
                    text = None
                    self._take_named(record, payload, events)
                else:
                    text = answer.take(payload, events)
        return text

    def _read_odd(self, record: SseEvent, events: list[ChatEvent]) -> None:
        """Reads what is no JSON by the letter: the terminator, nothing at all, or JSON as other readers take it."""
        text = record.data.strip()
        if text == b"[DONE]":
            self._finish(events, in_order=True)
        elif text:
            try:
                payload = self._lenient.read(text)
            except ValueError as error:
                if record.field == "error" or record.name == "error":
                    payload = text.decode("utf-8", "replace")
                else:
                    broken = UpstreamBroken if is_too_deep(error) else _Unreadable
                    raise broken(f"the upstream sent an event that is {fault_of(error)}: {described(text)}") from error
            self._take_named(record, payload, events)

    def _take_named(self, record: SseEvent, payload: Any, events: list[ChatEvent]) -> None:
        if record.field == "error" or record.name == "error":
            raise refusal_in_answer(payload if isinstance(payload, dict) else {"error": payload})
        if record.name and isinstance(payload, dict) and not payload.keys() & {"choices", "error", "usage"}:
            return  # pings and news of the server's own
        self._answer.take(payload, events)

    def _take_end(self, events: list[ChatEvent]) -> None:
        body = self._whole.body
        if body:
            self._take_body(body, events)
        elif self._sse is None:
            raise UpstreamBroken("the upstream's answer is empty")
        else:
            self._take_rest(self._sse, b"", events)
        if not self._over:
            self._finish(events, in_order=False)

    def _take_body(self, body: bytes, events: list[ChatEvent]) -> None:
        try:
            payload = orjson.loads(body)
        except orjson.JSONDecodeError:
            try:
                payload = self._lenient.read(body)
            except ValueError as error:
                if is_too_deep(error):
                    raise UpstreamBroken(f"the upstream sent an answer that is {fault_of(error)}: {described(body)}") from error
                self._take_rest(SseReader(), body, events)  # an error without its `data:`, and then the end of a stream
                return
        self._answer.take_whole(payload, events)
        self._finish(events, in_order=True)

    def _take_rest(self, reader: SseReader, rest: bytes, events: list[ChatEvent]) -> None:
        """Reads the last bytes. They may have been cut in the middle of a record: the answer's own end decides what that means."""
        with suppress(_Unreadable):
            self._read([*reader.feed(rest), *reader.close()], events)

    def _finish(self, events: list[ChatEvent], *, in_order: bool) -> None:
        self._answer.end(events, in_order=in_order)
        self._over = True
