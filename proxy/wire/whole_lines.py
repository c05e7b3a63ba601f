"""What all relays of event streams share: whole lines are handed on, half ones wait. Pure.

A line that is not complete means nothing to the client yet. Were it handed on, and then the stream cut, a client would fail to decode the
half record, and never read the error after it. And clients act upon an event at the blank line behind it, not before.
"""

from __future__ import annotations

import re

import orjson

from proxy.errors import UpstreamBroken

# A line that grows longer than this is handed on before it is complete.
_LINE_BYTES = 64 * 1024
LINE_ENDS = (0x0A, 0x0D)
_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_ENDS_WITH_A_NAME = re.compile(rb"[\r\n]event:[^\r\n]*[\r\n]+\Z")


class WholeLines:
    """Cuts one stream into lines, for a relay to inherit: it is asked for each chunk, and another call would cost as much as its work."""

    __slots__ = ("_held", "_held_bytes", "_is_begun")

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._is_begun = False  # whether the line that is not complete was handed on in part

    def _whole_lines(self, chunk: bytes) -> bytes:
        """The lines that `chunk` completes; the rest of it is held. To be asked unless `chunk` ends a line, and nothing is held."""
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        held_bytes = len(chunk) - end + (0 if end else self._held_bytes)
        if end:
            self._is_begun = False
        if held_bytes > _LINE_BYTES:
            end, held_bytes = len(chunk), 0
            self._is_begun = True
        lines = b"".join([*self._held, chunk[:end]]) if end else b""
        if end:
            self._held.clear()
        if held_bytes and chunk:
            self._held.append(chunk[end:])
        self._held_bytes = held_bytes
        return lines

    def _last_line(self) -> bytes:
        """The last line, where its end was left out; `b""` for half a line, which nobody needs.

        Raises:
            UpstreamBroken: the client has got half of it already.
        """
        if self._is_begun:
            raise cut()
        rest = b"".join(self._held)
        return rest if is_whole(rest) else b""


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


def ends_with_a_name(tail: bytes) -> bool:
    """Whether the last words of `tail` are the name of an event whose data has not come; before its first line stands a line end."""
    return _ENDS_WITH_A_NAME.search(tail) is not None


def apart(tail: bytes) -> bytes:
    """The blank line that is due after `tail`: the end of what was handed on, with a line end before its first line.

    None is due after the name of an event. Its data would be nothing then, which clients can't decode; the next event has its own name, or
    needs none.
    """
    return b"" if len(tail) <= 1 or tail.endswith(_BLANK_LINES) or ends_with_a_name(tail) else b"\n\n"
