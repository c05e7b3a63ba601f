"""The bytes of an answer -> events: lines of JSON, the last of which says that it is the last. Pure."""

from __future__ import annotations

from collections.abc import Callable

from proxy.canonical.events import ChatEvent, Failed, KeepAlive
from proxy.canonical.think_tags import ThinkTagSplitter
from proxy.dialects.ollama.reading.answer import Answer
from proxy.dialects.ollama.reading.lines import Lines
from proxy.dialects.ollama.reading.records import answer_record, decoded
from proxy.errors import UpstreamBroken, UpstreamError
from proxy.wire.deep_json import is_too_much

_BLANK = b"\xef\xbb\xbf \t\r\n"


class LineReader:
    """Reads one answer, stream or whole; see `proxy.dialect.StreamReader`.

    Args:
        new_id: makes what tells one id from another.
        split_think_tags: whether thinking that the model wrote between tags becomes reasoning.
    """

    __slots__ = ("_answer", "_is_empty", "_lines", "_over", "_splitter")

    def __init__(self, new_id: Callable[[], str], *, split_think_tags: bool) -> None:
        self._answer = Answer(new_id)
        self._lines = Lines()
        self._splitter = ThinkTagSplitter() if split_think_tags else None
        self._is_empty = True
        self._over = False

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """See `StreamReader`."""
        if self._over:
            return []
        if not chunk:
            return [KeepAlive()]
        events: list[ChatEvent] = []
        try:
            if self._is_empty:
                chunk = self._begun(chunk)
            for line in self._lines.feed(chunk).split(b"\n") if chunk else ():
                self._take(line, events)
        except UpstreamError as error:
            self._fail(error, events)
        return events if self._splitter is None else self._split(events, self._splitter)

    def close(self) -> list[ChatEvent]:
        """See `StreamReader`. An answer whose last record did not say that it is the last was cut."""
        if self._over:
            return []
        events: list[ChatEvent] = []
        try:
            self._take_rest(events)
        except UpstreamError as error:
            self._fail(error, events)
        return events if self._splitter is None else self._split(events, self._splitter)

    def _begun(self, chunk: bytes) -> bytes:
        chunk = chunk.lstrip(_BLANK)
        self._is_empty = not chunk
        if chunk.startswith(b"<"):  # Some never end.
            answer_record(chunk)
        return chunk

    def _take(self, line: bytes, events: list[ChatEvent]) -> None:
        if not self._over and line.strip():
            self._answer.take(answer_record(line), events)
            self._over = self._answer.is_over

    def _take_rest(self, events: list[ChatEvent]) -> None:
        """Reads the last line, if it has no end; it may have been cut in the middle."""
        rest = self._lines.close()
        if rest.strip() and _is_whole(rest):
            self._take(rest, events)
        if not self._over:
            raise UpstreamBroken(f"the upstream's answer {'is empty' if self._is_empty else 'ended before it was complete'}")

    def _fail(self, error: UpstreamError, events: list[ChatEvent]) -> None:
        self._over = True
        events.append(Failed(error))

    def _split(self, events: list[ChatEvent], splitter: ThinkTagSplitter) -> list[ChatEvent]:
        # A model that was asked without a chat template writes tags of its own.
        events = [*splitter.close(), *events] if self._answer.is_plain else splitter.feed(events)
        if splitter.done:
            self._splitter = None
        return events


def _is_whole(line: bytes) -> bool:
    try:
        decoded(line)
    except ValueError as error:
        return is_too_much(error) or not line.lstrip().startswith((b"{", b"["))
    return True
