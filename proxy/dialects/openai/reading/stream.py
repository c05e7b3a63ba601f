"""The records of an answer -> events: decodes them, many at once where they are alike, and ends where the server says so. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from proxy.canonical.event_stream_reader import TERMINATOR, EventStreamReader, Unreadable
from proxy.canonical.events import ChatEvent, PartDelta
from proxy.dialects.openai.reading.answer import Answer
from proxy.dialects.openai.reading.mould import Mould, Moulds
from proxy.wire.refusals import refusal_in_answer
from proxy.wire.sse import SseEvent

_BLANK_LINE = b"\n\n"
# Among so many records is nearly always the first that a mould can be made of.
_FIRST_RECORDS = 5
# Below this, finding out where a mould begins to fit costs more than it saves.
_BURST_BYTES = 4 * 1024


class ChunkReader(EventStreamReader):
    """Reads one answer, stream or whole; see `EventStreamReader`.

    Args:
        new_id: makes what tells one id from another.
        split_think_tags: whether thinking that the model wrote between tags becomes reasoning.
    """

    __slots__ = ("_answer", "_first_reads", "_mould", "_moulds", "_one_by_one")

    def __init__(self, new_id: Callable[[], str], *, split_think_tags: bool) -> None:
        super().__init__(has_arguments=False, split_think_tags=split_think_tags)
        self._answer = Answer(new_id)
        self._moulds = Moulds()
        self._mould: Mould | None = None  # the one that the next record may fit
        self._first_reads = _FIRST_RECORDS
        self._one_by_one = True

    @property
    def _has_said_why(self) -> bool:
        return self._answer.finish_reason is not None

    @property
    def _is_plain(self) -> bool:
        return self._answer.is_plain

    def _take(self, chunk: bytes, events: list[ChatEvent]) -> None:
        """Reads the records that fit the mould in one step, all others in full. Both ways give the same events."""
        if not self._is_stream:
            chunk = self._begin(chunk)
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
                event, blank_line, chunk = chunk.partition(_BLANK_LINE)
                self._read(self._sse.feed(event + blank_line), events)
            else:
                self._read(self._sse.feed(chunk), events)
                return

    def _read(self, records: list[SseEvent], events: list[ChatEvent]) -> None:
        """Reads records in full, and learns from the last one what those to come may be like."""
        answer, text = self._answer, None
        for record in records:
            try:
                payload = orjson.loads(record.data)
            except orjson.JSONDecodeError:
                text = None
                self._read_odd(record, events)
                if self._over:
                    return
            else:
                if record.name or record.field != "data":
                    text = None
                    self._take_named(record, payload, events)
                else:
                    text = answer.take(payload, events)
        self._learn(records, text)

    def _learn(self, records: list[SseEvent], text: str | None) -> None:
        """Makes ready for the next records. `text` is what the last of `records` says, if that is all; see `Answer.take`."""
        field = self._answer.field
        if text is not None:
            self._moulds.learn(records[-1].data, text, field)
        mould = self._moulds.of_field(field)
        self._mould = mould if self._sse.at_rest else None
        self._first_reads -= 1
        # What follows the next record may fit: it was cut, or no mould could be made so far.
        self._one_by_one = self._mould is not mould or (mould is None and self._first_reads > 0)

    def _read_odd(self, record: SseEvent, events: list[ChatEvent]) -> None:
        """Reads what is no JSON by the letter: the terminator, nothing at all, or JSON as other readers take it."""
        text = record.data.strip()
        if text == TERMINATOR:
            self._finish(events)
        elif text:
            self._take_named(record, self._odd(record, text), events)

    def _take_named(self, record: SseEvent, payload: Any, events: list[ChatEvent]) -> None:
        if record.field == "error" or record.name == "error":
            raise refusal_in_answer(payload if isinstance(payload, dict) else {"error": payload})
        if record.name and isinstance(payload, dict) and not payload.keys() & {"choices", "error", "usage"}:
            return  # pings and news of the server's own
        self._answer.take(payload, events)

    def _take_body(self, body: bytes, events: list[ChatEvent]) -> None:
        try:
            payload = orjson.loads(body)
        except orjson.JSONDecodeError:
            try:
                payload = self._mended(body)
            except Unreadable:
                self._read_as_stream(body, events)
                return
        self._answer.take_whole(payload, events)
        self._finish(events)

    def _end(self, events: list[ChatEvent]) -> None:
        self._answer.end(events, in_order=False)

    def _finish(self, events: list[ChatEvent]) -> None:
        self._answer.end(events, in_order=True)
        self._over = True
