"""Server-sent events: bytes cut anywhere -> events, and JSON text -> one event. What the data means is not this module's business.

Reading is linear in the size of the stream, also for one event of many megabytes that arrives in small pieces.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from proxy.errors import UpstreamBroken

MAX_EVENT_BYTES = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"

SseField = Literal["data", "error", "bare"]


@dataclass(slots=True)
class SseEvent:
    """One event.

    Attributes:
        data: the event's lines, joined with LF.
        name: the value of its `event:` line.
        field: where the lines stood: in `data:` fields; in `error:` fields (old llama.cpp); or `bare`, without any field, as some servers
            write JSON errors into a stream (Gemini, many gateways).
    """

    data: bytes
    name: str = ""
    field: SseField = "data"


class SseReader:
    """Reads one stream. Line ends are LF, CRLF or CR, mixed as the server likes.

    Args:
        max_event_bytes: how much of an event that is not complete yet is kept.
    """

    __slots__ = ("_after_cr", "_event_bytes", "_field", "_head", "_lines", "_max_event_bytes", "_name", "_pieces")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._head: bytes | None = b""  # what may be the beginning of a BOM; None once that is decided
        self._after_cr = False
        self._pieces: list[bytes] = []  # the line that is not complete yet
        self._lines: list[bytes] = []  # the lines of the event that is not complete yet
        self._name = ""
        self._field: SseField = "data"
        self._event_bytes = 0

    @property
    def at_rest(self) -> bool:
        """Whether the next byte begins an event."""
        return not (self._pieces or self._lines or self._name or self._after_cr) and self._head is None

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that `chunk` completes.

        Raises:
            UpstreamBroken: what came before `chunk` was already more than an event may have.
        """
        if self._event_bytes > self._max_event_bytes:
            raise UpstreamBroken(f"the upstream sent an event of more than {self._max_event_bytes} bytes")
        if self._head is not None:
            chunk = self._without_bom(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_lf(chunk)
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        if self._pieces:
            chunk = self._taken_pieces() + chunk
        events: list[SseEvent] = []
        if self._lines or self._name:
            chunk = self._finish_event(chunk, events)
        self._read_events(chunk, events)
        return events

    def close(self) -> list[SseEvent]:
        """The last event, when the server left out the blank line, or even the line end, after it.

        Raises:
            UpstreamBroken: as `feed` does.
        """
        events = self.feed(b"")
        if self._pieces:
            self._read_line(self._taken_pieces(), events)
        self._dispatch(events)
        return events

    def _without_bom(self, chunk: bytes) -> bytes:
        head = (self._head or b"") + chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _with_lf(self, chunk: bytes) -> bytes:
        """`chunk` with LF as its only line end. A CR at its end is a line end at once: the LF that may follow it is left out later."""
        if not chunk:
            return chunk
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._event_bytes += len(piece)

    def _taken_pieces(self) -> bytes:
        line = b"".join(self._pieces)
        self._pieces.clear()
        self._event_bytes -= len(line)
        return line

    def _finish_event(self, chunk: bytes, events: list[SseEvent]) -> bytes:
        """`chunk` after the blank line that ends the event in the making."""
        blank = 0 if chunk.startswith(b"\n") else chunk.find(b"\n\n") + 1
        if not blank and not chunk.startswith(b"\n"):
            return chunk
        self._read_lines(chunk[: blank + 1], events)
        return chunk[blank + 1 :]

    def _read_events(self, chunk: bytes, events: list[SseEvent]) -> None:
        end = chunk.rfind(b"\n\n")
        if end < 0 or self._lines or self._name:
            self._read_lines(chunk, events)
            return
        block = chunk[:end]
        values = block.removeprefix(b"data: ").split(b"\n\ndata: ")
        if block.startswith(b"data: ") and block.count(b"\n") == 2 * len(values) - 2:
            events += map(SseEvent, values)  # what nearly every server writes: one line per event, `data: ` at its beginning
        elif not (block.startswith(b"event: ") and _read_named(block, events)):
            self._read_lines(chunk[: end + 2], events)
        if end + 2 < len(chunk):
            self._read_lines(chunk[end + 2 :], events)

    def _read_lines(self, text: bytes, events: list[SseEvent]) -> None:
        *lines, rest = text.split(b"\n")
        for line in lines:
            self._read_line(line, events)
        self._keep(rest)

    def _read_line(self, line: bytes, events: list[SseEvent]) -> None:
        if not line:
            self._dispatch(events)
            return
        field, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            self._add("data", value, events)
        elif field == b"error":
            self._add("error", value, events)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field and (self._field == "bare" or line.lstrip()[:1] in (b"{", b"[")):
            self._add("bare", line, events)

    def _add(self, field: SseField, line: bytes, events: list[SseEvent]) -> None:
        if self._lines and field != self._field:
            self._dispatch(events)
        self._field = field
        self._lines.append(line)
        self._event_bytes += len(line)

    def _dispatch(self, events: list[SseEvent]) -> None:
        if self._lines:
            events.append(SseEvent(b"\n".join(self._lines), self._name, self._field))
            self._lines.clear()
        self._name = ""
        self._field = "data"
        self._event_bytes = 0


def _read_named(block: bytes, events: list[SseEvent]) -> bool:
    """Reads whole events that are all of two lines, a name and data, as Anthropic writes them; whether they are."""
    read: list[SseEvent] = []
    for text in block.split(b"\n\n"):
        name, found, data = text.partition(b"\ndata: ")
        if not found or not name.startswith(b"event: ") or b"\n" in name or b"\n" in data:
            return False
        read.append(SseEvent(data, name[7:].decode("utf-8", "replace")))
    events += read
    return True


def sse_data(json_text: bytes) -> bytes:
    """The event that carries `json_text`, which must be one line."""
    return b"data: " + json_text + b"\n\n"
