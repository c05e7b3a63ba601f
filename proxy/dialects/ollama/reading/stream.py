"""The bytes of an answer -> events: lines of JSON, the last of which says that it is the last. Pure."""

from __future__ import annotations

from collections.abc import Callable

from proxy.canonical.answer_reader import AnswerReader
from proxy.canonical.events import ChatEvent
from proxy.dialects.ollama.reading.answer import Answer
from proxy.dialects.ollama.reading.lines import Lines
from proxy.dialects.ollama.reading.records import answer_record, decoded
from proxy.errors import UpstreamBroken
from proxy.wire.deep_json import is_too_much

_BLANK = b"\xef\xbb\xbf \t\r\n"


class LineReader(AnswerReader):
    """Reads one answer, stream or whole; see `proxy.dialect.StreamReader`.

    Args:
        new_id: makes what tells one id from another.
        split_think_tags: whether thinking that the model wrote between tags becomes reasoning.
    """

    __slots__ = ("_answer", "_is_empty", "_lines")

    def __init__(self, new_id: Callable[[], str], *, split_think_tags: bool) -> None:
        super().__init__(split_think_tags=split_think_tags)
        self._answer = Answer(new_id)
        self._lines = Lines()
        self._is_empty = True

    @property
    def _has_said_why(self) -> bool:
        return False  # The record that says it is the last.

    @property
    def _is_plain(self) -> bool:
        return self._answer.is_plain

    def _take(self, chunk: bytes, events: list[ChatEvent]) -> None:
        if self._is_empty:
            chunk = self._begun(chunk)
        for line in self._lines.feed(chunk).split(b"\n") if chunk else ():
            self._take_line(line, events)

    def _begun(self, chunk: bytes) -> bytes:
        chunk = chunk.lstrip(_BLANK)
        self._is_empty = not chunk
        if chunk.startswith(b"<"):  # Some never end.
            answer_record(chunk)
        return chunk

    def _take_line(self, line: bytes, events: list[ChatEvent]) -> None:
        if not self._over and line.strip():
            self._answer.take(answer_record(line), events)
            self._over = self._answer.is_over

    def _take_end(self, events: list[ChatEvent]) -> None:
        """Reads the last line, if it has no end; it may have been cut in the middle."""
        rest = self._lines.close()
        if rest.strip() and _is_whole(rest):
            self._take_line(rest, events)
        if not self._over:
            raise UpstreamBroken(f"the upstream's answer {'is empty' if self._is_empty else 'ended before it was complete'}")


def _is_whole(line: bytes) -> bool:
    try:
        decoded(line)
    except ValueError as error:
        return is_too_much(error) or not line.lstrip().startswith((b"{", b"["))
    return True
