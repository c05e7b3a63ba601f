"""What all readers of event streams share: they find out what the server sent, cut it into records, and end honestly. Pure.

What a record says is the dialect's business.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from typing import Any

from proxy.canonical.answer_reader import AnswerReader
from proxy.canonical.events import ChatEvent
from proxy.errors import UpstreamBroken
from proxy.wire.deep_json import fault_of, is_too_much
from proxy.wire.lenient_json import LenientJson, is_cut
from proxy.wire.refusals import described
from proxy.wire.sse import SseEvent, SseReader
from proxy.wire.whole_answer import WholeAnswer

# OpenAI's end of a stream. Proxies that speak its language write it behind the ends of all others, too.
TERMINATOR = b"[DONE]"


class Unreadable(UpstreamBroken):
    """A record is no JSON, by any reading."""


class EventStreamReader(AnswerReader):
    """Reads one answer, stream or whole; see `proxy.dialect.StreamReader`.

    Content types are not asked: servers send streams without one, and whole answers or errors where a stream was asked for. What begins
    with a brace or a bracket is JSON, and is read at the end; what begins with `<` is a web page; the rest is a stream of events, among
    which errors may stand as bare JSON.

    Args:
        has_arguments: whether arguments of calls stand in records as values; see `LenientJson`.
        split_think_tags: whether thinking that the model wrote between tags becomes reasoning.
    """

    __slots__ = ("_has_arguments", "_is_stream", "_lenient", "_may_be_cut", "_sse", "_whole")

    def __init__(self, *, has_arguments: bool, split_think_tags: bool = False) -> None:
        super().__init__(split_think_tags=split_think_tags)
        self._has_arguments = has_arguments
        self._is_stream = False  # as far as is known
        self._lenient: LenientJson | None = None  # until it is needed, which is rare
        self._may_be_cut = False
        self._sse = SseReader()
        self._whole = WholeAnswer()

    @abstractmethod
    def _read(self, records: list[SseEvent], events: list[ChatEvent]) -> None:
        """Adds the events of `records`. Raises `UpstreamError`: `Unreadable` for a record that may have been cut in its middle."""

    @abstractmethod
    def _take_body(self, body: bytes, events: list[ChatEvent]) -> None:
        """Adds the events of an answer that begins as JSON does. Raises `UpstreamError`."""

    @abstractmethod
    def _end(self, events: list[ChatEvent]) -> None:
        """Adds the events of an end that the server did not mark. Raises `UpstreamError` when it came before the answer was complete."""

    def _take(self, chunk: bytes, events: list[ChatEvent]) -> None:
        if not self._is_stream:
            chunk = self._begin(chunk)
        if chunk:
            self._read(self._sse.feed(chunk), events)

    def _begin(self, chunk: bytes) -> bytes:
        """What the first bytes of a stream say; `b""` as long as there is none: what came is blank, or a piece of a whole answer."""
        chunk = self._whole.take(chunk)
        self._is_stream = bool(chunk)
        return chunk

    def _take_end(self, events: list[ChatEvent]) -> None:
        if self._is_stream:
            self._read_rest(events)
        elif body := self._whole.body:
            self._take_body(body, events)
        else:
            raise UpstreamBroken("the upstream's answer is empty")
        if not self._over:
            self._end(events)
            self._over = True

    def _mended(self, text: bytes) -> Any:
        """What `text` says, which strict readers refused.

        Raises:
            Unreadable: it is no JSON by any reading.
            UpstreamBroken: it is more than can be read.
        """
        if self._lenient is None:
            self._lenient = LenientJson(has_arguments=self._has_arguments)
        try:
            return self._lenient.read(text)
        except ValueError as error:
            what = "an event" if self._is_stream else "an answer"
            broken = UpstreamBroken if is_too_much(error) else Unreadable
            raise broken(f"the upstream sent {what} that is {fault_of(error)}: {described(text)}") from error

    def _odd(self, record: SseEvent, text: bytes) -> Any:
        """What `text` of `record` says, which is no JSON by the letter. An error may be in plain words; half an error says nothing.

        Raises:
            UpstreamBroken: as `_mended` does.
        """
        try:
            return self._mended(text)
        except UpstreamBroken as broken:
            is_error = record.field == "error" or record.name == "error"
            if not is_error or (self._may_be_cut and is_cut(broken.__cause__)):
                raise
            return text.decode("utf-8", "replace")

    def _read_as_stream(self, body: bytes, events: list[ChatEvent]) -> None:
        """Reads what begins as JSON does and is none: an error without its `data:` and then the end of a stream, or half an answer."""
        self._read(self._sse.feed(body), events)
        self._read_rest(events)

    def _read_rest(self, events: list[ChatEvent]) -> None:
        """Reads what has no blank line behind it. It may have been cut in its middle: the answer's own end decides what that means."""
        self._may_be_cut = True
        for record in self._sse.close():
            if not self._over:
                with suppress(Unreadable):
                    self._read([record], events)
