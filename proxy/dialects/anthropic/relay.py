"""Relayed Anthropic answers: what they cost, whether a stream came to its own end, and what is added when it did not. Pure."""

from __future__ import annotations

import re
from typing import Any

import orjson

from proxy.canonical.completion import Usage
from proxy.dialects.anthropic.counts import read_counts
from proxy.dialects.anthropic.failures import error_event
from proxy.dialects.anthropic.reading.usage import UsageCounts
from proxy.dialects.anthropic.sse_records import PING
from proxy.dialects.anthropic.told_errors import refusal_in_event
from proxy.errors import ProxyError
from proxy.wire.sse import SseEvent, SseReader
from proxy.wire.whole_lines import BLANK_LINES, WholeLines, apart, cut

# The events that tell of beginning, end and failure, by their names, or by their records where a server names no events. In the texts of
# the others no line end stands as it is, and so none of these words.
_TELLING = re.compile(rb'(?:^|[\r\n])(?:event:[ \t]*|data:[ \t]*\{[ \t]*"type"[ \t]*:[ \t]*")(?:message_|error)')
# The last line as far as it may be the name of an event.
_END_BYTES = 64


class MessageRelay(WholeLines):
    """Hands on whole lines of a relayed stream, and reads those of its events that count. See `proxy.dialect.RelayReader`."""

    __slots__ = ("_end", "_is_whole", "_reader", "_stop_reason", "_usage", "failure")

    def __init__(self) -> None:
        super().__init__()
        self._reader: SseReader | None = None  # reads what follows a telling event, up to the end of a chunk
        self._end = b"\n"  # the last bytes that were handed on; a line begins after a line end, and so does the first
        self._usage = UsageCounts()
        self._stop_reason = ""
        self._is_whole = False
        self.failure: ProxyError | None = None

    @property
    def usage(self) -> Usage:
        """See `RelayReader`."""
        return self._usage.usage

    @property
    def finish_reason(self) -> str:
        """See `RelayReader`."""
        return self._stop_reason

    def feed(self, chunk: bytes) -> bytes:
        """See `RelayReader`."""
        if self._held or self._is_begun or not chunk.endswith(BLANK_LINES):
            chunk = self._whole_lines(chunk)
        if chunk:
            self._watch(chunk)
            self._end = (self._end + chunk[-_END_BYTES:])[-_END_BYTES:]
        return chunk

    def sign_of_life(self) -> bytes:
        """See `RelayReader`."""
        is_over = self._is_whole or self.failure is not None
        return PING if self._end.endswith(BLANK_LINES) and not is_over else b""

    def close(self) -> bytes:
        """See `RelayReader`. A stream that has not even said why it stopped was cut: a clean end would be a lie."""
        rest = self._last_line()
        self._watch(rest + b"\n\n")
        if self.failure is None and not self._is_whole and not self._stop_reason:
            raise cut()
        return rest + apart(self._end + rest)

    def render_failure(self, error: ProxyError) -> bytes:
        """The error as Anthropic tells it in a stream, set apart from an event that has no blank line after it yet."""
        return apart(self._end) + error_event(error)

    def _watch(self, lines: bytes) -> None:
        reader = self._reader
        if reader is None:
            found = _TELLING.search(lines)
            if found is None:
                return
            reader, lines = SseReader(), lines[found.start() :]
        for told in reader.feed(lines):
            self._note(told)
        self._reader = None if reader.at_rest else reader

    def _note(self, told: SseEvent) -> None:
        if told.name and not told.name.startswith("message_") and told.name != "error":
            return
        record = _decoded(told.data)
        name = told.name or record.get("type")
        if name == "error":
            self.failure = refusal_in_event(record)
        elif name == "message_start":
            message = record.get("message")
            self._usage.take(message.get("usage") if isinstance(message, dict) else None)
        elif name == "message_delta":
            delta = record.get("delta")
            reason = delta.get("stop_reason") if isinstance(delta, dict) else None
            self._stop_reason = reason if isinstance(reason, str) else self._stop_reason
            self._usage.take(record.get("usage"))
        elif name == "message_stop":
            self._is_whole = True


def usage_of(body: bytes) -> Usage:
    """The tokens that a whole message reports."""
    usage = _decoded(body).get("usage")
    return read_counts(usage) if isinstance(usage, dict) else Usage()


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return record if isinstance(record, dict) else {}
