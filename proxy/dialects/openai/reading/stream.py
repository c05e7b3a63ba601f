"""The bytes of an answer -> events: finds out what the server sent, cuts it into records, and ends the stream honestly. Pure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from proxy.canonical.events import ChatEvent, Failed, KeepAlive, PartDelta
from proxy.canonical.think_tags import ThinkTagSplitter
from proxy.dialects.openai.reading.answer import Answer
from proxy.dialects.openai.reading.mould import Mould, Moulds
from proxy.errors import UpstreamBroken, UpstreamError
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


class AnswerReader:
    """Reads one answer, stream or whole; see `proxy.dialect.StreamReader`.

    Content types are not asked: servers send streams without one, and whole answers or errors where a stream was asked for. What begins
    with a brace or a bracket is JSON, and is read at the end; what begins with `<` is a web page; the rest is a stream of events.

    Args:
        new_id: makes what tells one id from another.
        split_think_tags: whether thinking that the model wrote between tags becomes reasoning.
    """

    __slots__ = (*("_answer", "_first_reads", "_lenient", "_mould", "_moulds", "_one_by_one", "_over", "_splitter", "_sse", "_whole"),)

    def __init__(self, new_id: Callable[[], str], *, split_think_tags: bool) -> None:
        self._answer = Answer(new_id)
        self._lenient = LenientJson()
        self._splitter = ThinkTagSplitter() if split_think_tags else None
        self._sse: SseReader | None = None
        self._moulds = Moulds()
        self._mould: Mould | None = None  # the one that the next record may fit
        self._first_reads = _FIRST_RECORDS
        self._one_by_one = True
        self._whole = WholeAnswer()
        self._over = False

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """The events that `chunk` completes.

        An empty chunk, which stands for silence, gives a `KeepAlive`; but the end of the answer when the server has said why it stopped and
        then goes on to say nothing: some leave out the terminator and keep the connection.
        """
        if self._over:
            return []
        if not chunk:
            return [KeepAlive()] if self._answer.finish_reason is None else self.close()
        events: list[ChatEvent] = []
        try:
            if self._sse is None:
                self._begin(chunk, events)
            else:
                self._take(chunk, self._sse, events)
        except UpstreamError as error:
            self._fail(error, events)
        return events if self._splitter is None else self._split(events, self._splitter)

    def close(self) -> list[ChatEvent]:
        """The events that the end of the bytes completes. An answer that has neither a finish reason nor a terminator was cut."""
        if self._over:
            return []
        events: list[ChatEvent] = []
        try:
            self._take_end(events)
        except UpstreamError as error:
            self._fail(error, events)
        return events if self._splitter is None else self._split(events, self._splitter)

    def _begin(self, chunk: bytes, events: list[ChatEvent]) -> None:
        chunk = self._whole.take(chunk)
        if chunk:
            self._sse = SseReader()
            self._take(chunk, self._sse, events)

    def _take(self, chunk: bytes, sse: SseReader, events: list[ChatEvent]) -> None:
        """Reads the records that fit the mould in one step, all others in full. Both ways give the same events."""
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

    def _fail(self, error: UpstreamError, events: list[ChatEvent]) -> None:
        self._over = True
        events.append(Failed(error))

    def _split(self, events: list[ChatEvent], splitter: ThinkTagSplitter) -> list[ChatEvent]:
        # A model that was asked without a chat template writes tags of its own.
        events = [*splitter.close(), *events] if self._answer.is_plain else splitter.feed(events)
        if splitter.done:
            self._splitter = None
        return events
