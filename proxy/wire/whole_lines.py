"""What all relays of event streams share: whole lines are handed on, half ones wait, and so do names of events without their data. Pure.

A line that is not complete means nothing to the client yet. Were it handed on, and then the stream cut, a client would fail to decode the
half record, and never read the error after it. And clients act upon an event at the blank line behind it, not before.
"""

from __future__ import annotations

import orjson

from proxy.errors import UpstreamBroken

# A line that grows longer than this is handed on before it is complete.
_LINE_BYTES = 64 * 1024
BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
"""How an event ends."""


class WholeLines:
    """Cuts one stream into lines, for a relay to inherit: it is asked for each chunk, and another call would cost as much as its work."""

    __slots__ = ("_held", "_held_bytes", "_is_begun")

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._is_begun = False  # whether the line that is not complete was handed on in part

    def _whole_lines(self, chunk: bytes) -> bytes:
        """The lines that `chunk` completes; the rest of it is held. To be asked unless `chunk` ends an event, and nothing is held."""
        end = _last_end(chunk)
        held_bytes = len(chunk) - end + (0 if end else self._held_bytes)
        if end:
            self._is_begun = False
        if held_bytes > _LINE_BYTES:
            end, held_bytes = len(chunk), 0
            self._is_begun = True
        lines = b"".join([*self._held, chunk[:end]]) if end else b""
        if end:
            self._held.clear()
            name = b"" if self._is_begun else name_at_the_end(lines)
            if name:
                lines = lines[: -len(name)]
                self._held.append(name)
                held_bytes += len(name)
        if held_bytes and chunk[end:]:
            self._held.append(chunk[end:])
        self._held_bytes = held_bytes
        return lines

    def _last_line(self) -> bytes:
        """The last line, where its end was left out, behind the name that belongs to it; `b""` for half a line, which nobody needs.

        Raises:
            UpstreamBroken: the client has got half of it already.
        """
        if self._is_begun:
            raise cut()
        rest = b"".join(self._held)
        return rest if is_whole(rest[_last_end(rest) :]) else b""


def cut() -> UpstreamBroken:
    """What to say of a stream that just stops."""
    return UpstreamBroken("the upstream's answer ended before it was complete")


def is_whole(line: bytes) -> bool:
    """Whether a line without an end may be the last one: servers leave out line ends, but never the end of a record."""
    text = line.removeprefix(b"data:").strip()
    if text == b"[DONE]":
        return True
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def apart(tail: bytes) -> bytes:
    """The blank line that is due after `tail`: the end of what was handed on, with a line end before its first line."""
    return b"" if len(tail) <= 1 or tail.endswith(BLANK_LINES) else b"\n\n"


def name_at_the_end(lines: bytes) -> bytes:
    """The last line, if it is the name of an event: its data has not come."""
    text = lines.rstrip(b"\r\n")
    start = _last_end(text)
    return lines[start:] if text.startswith(b"event:", start) else b""


def _last_end(lines: bytes) -> int:
    """Where the last line begins that has no end."""
    return max(lines.rfind(b"\n"), lines.rfind(b"\r")) + 1
