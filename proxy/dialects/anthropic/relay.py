"""Relayed Anthropic answers: what they cost, whether a stream came to its own end, and what is added when it did not. Pure."""

from __future__ import annotations

import re
from typing import Any

import orjson

from proxy.canonical.completion import Usage
from proxy.dialects.anthropic.counts import read_counts
from proxy.dialects.anthropic.failures import error_event
from proxy.dialects.anthropic.told_errors import refusal_in_event
from proxy.errors import ProxyError, UpstreamBroken
from proxy.wire.sse import SseEvent, SseReader

# The events that tell of beginning, end and failure. In the texts of the others no line end stands as it is, and so none of these words.
_TELLING = re.compile(rb"(?:^|[\r\n])event:[ \t]*(?:message_|error)")
_LINE_ENDS = (0x0A, 0x0D)
_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
# A line that grows longer than this is handed on before it is complete.
_LINE_BYTES = 64 * 1024


class MessageRelay:
    """Hands on whole lines of a relayed stream, and reads those of its events that count. See `proxy.dialect.RelayReader`.

    A line that is not complete means nothing to the client yet. Were it handed on, and then the stream cut, a client would fail to decode
    the half event, and never read the error after it.
    """

    __slots__ = ("_end", "_held", "_held_bytes", "_is_whole", "_reader", "_stop_reason", "_usage", "failure")

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._reader: SseReader | None = None  # reads what follows a telling event, up to the end of a chunk
        self._end = b""  # the last bytes that were handed on
        self._usage: dict[str, Any] = {}
        self._stop_reason = ""
        self._is_whole = False
        self.failure: ProxyError | None = None

    @property
    def usage(self) -> Usage:
        """See `RelayReader`."""
        return read_counts(self._usage)

    @property
    def finish_reason(self) -> str:
        """See `RelayReader`."""
        return self._stop_reason

    def feed(self, chunk: bytes) -> bytes:
        """See `RelayReader`."""
        if self._held or (chunk and chunk[-1] not in _LINE_ENDS):
            chunk = self._whole_lines(chunk)
        if chunk:
            self._watch(chunk)
            self._end = (self._end + chunk)[-4:]
        return chunk

    def close(self) -> bytes:
        """See `RelayReader`. A stream that has not even said why it stopped was cut: a clean end would be a lie."""
        rest = b"".join(self._held)
        self._watch(rest + b"\n\n")
        if self.failure is None and not self._is_whole and not self._stop_reason:
            raise UpstreamBroken("the upstream's answer ended before it was complete")
        return rest

    def render_failure(self, error: ProxyError) -> bytes:
        """The error as Anthropic tells it in a stream, set apart from an event that has no blank line after it yet."""
        apart = b"" if not self._end or self._end.endswith(_BLANK_LINES) else b"\n\n"
        return apart + error_event(error)

    def _whole_lines(self, chunk: bytes) -> bytes:
        """The lines that `chunk` completes; the rest of it is held."""
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        held_bytes = len(chunk) - end + (0 if end else self._held_bytes)
        if held_bytes > _LINE_BYTES:
            end, held_bytes = len(chunk), 0
        lines = b"".join([*self._held, chunk[:end]]) if end else b""
        if end:
            self._held.clear()
        if held_bytes and chunk:
            self._held.append(chunk[end:])
        self._held_bytes = held_bytes
        return lines

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
        if not told.name.startswith("message_") and told.name != "error":
            return
        record = _decoded(told.data)
        if told.name == "error":
            self.failure = refusal_in_event(record)
        elif told.name == "message_start":
            self._note_usage(record.get("message"))
        elif told.name == "message_delta":
            delta = record.get("delta")
            reason = delta.get("stop_reason") if isinstance(delta, dict) else None
            self._stop_reason = reason if isinstance(reason, str) else self._stop_reason
            self._note_usage(record)
        elif told.name == "message_stop":
            self._is_whole = True

    def _note_usage(self, holder: object) -> None:
        """Notes the counts, which are of all so far: later ones replace those before them."""
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict):
            self._usage |= {name: value for name, value in usage.items() if value is not None}


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
