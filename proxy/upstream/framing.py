"""Where an HTTP/1.1 body ends: bytes as the socket brought them in, the body's own bytes out. No I/O.

http.client and urllib3 can do this too, but hand out a chunked body one chunk at a time, at five times the cost, and can be asked for
more only by a call that blocks. A stream of tokens is a chunk per token; here all chunks that one read brought come out at once.

Source: RFC 9112, sections 6 and 7.
"""

from __future__ import annotations

import re
from typing import Protocol

# A size line and its end. Before all but the first stands the end of the chunk before it. A lone LF is let pass, as all clients do.
_FIRST_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_NEXT_SIZE = re.compile(rb"\r?\n([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_FIRST_SIZE_BEGUN = re.compile(rb"[0-9A-Fa-f]{1,15}[ \t]*(?:;[^\n]*)?\r?")
_NEXT_SIZE_BEGUN = re.compile(rb"\r?(?:\n(?:[0-9A-Fa-f]{1,15}[ \t]*(?:;[^\n]*)?\r?)?)?")
_END_OF_TRAILER = re.compile(rb"(?:[^\n]+\n)*?\r?\n")
_LONGEST_LINE_BYTES = 4 * 1024
_LONGEST_TRAILER_BYTES = 16 * 1024


class BrokenFraming(Exception):
    """The bytes are no legal body, or end before it does."""


class Framing(Protocol):
    """One body.

    Attributes:
        ended: the body is complete.
        reusable: the connection stands at the start of its next answer. Means something only after the end.
    """

    ended: bool
    reusable: bool

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body in `data`, which is never empty. Raises `BrokenFraming`."""

    def connection_ended(self) -> None:
        """Notes that no more bytes will come. Raises `BrokenFraming` unless that is how this body ends."""


class ChunkedFraming:
    """A body in chunks, `Transfer-Encoding: chunked`. Trailers are read and dropped."""

    def __init__(self, *, reusable: bool = True) -> None:
        self.ended = False
        self.reusable = reusable
        self._held = b""
        self._left = 0
        self._size_line = _FIRST_SIZE
        self._in_trailer = False

    def feed(self, data: bytes) -> bytes:
        """See `Framing`. What is left of a chunk is handed out at once; only size lines are held until they are complete."""
        if self._held:
            data = self._held + data
            self._held = b""
        if self._in_trailer:
            self._read_trailer(data)
            return b""
        parts: list[bytes] = []
        at, end, left, size_line = 0, len(data), self._left, self._size_line
        while at < end:
            if left:
                part = data[at : at + left]
                parts.append(part)
                at += len(part)
                left -= len(part)
                continue
            line = size_line.match(data, at)
            if line is None:
                self._hold(data[at:])
                break
            at = line.end()
            left = int(line[1], 16)
            size_line = self._size_line = _NEXT_SIZE
            if not left:
                self._in_trailer = True
                self._read_trailer(data[at:])
                break
        self._left = left
        return b"".join(parts)

    def connection_ended(self) -> None:
        """A chunked body has an end of its own; an end of the connection before it is a cut."""
        raise BrokenFraming("it ended before its last chunk")

    def _hold(self, rest: bytes) -> None:
        """Keeps the beginning of a size line."""
        pattern = _FIRST_SIZE_BEGUN if self._size_line is _FIRST_SIZE else _NEXT_SIZE_BEGUN
        if len(rest) > _LONGEST_LINE_BYTES or pattern.fullmatch(rest) is None:
            raise BrokenFraming("its chunks are not where they should be")
        self._held = rest

    def _read_trailer(self, data: bytes) -> None:
        end = _END_OF_TRAILER.match(data)
        if end is not None:
            self.ended = True
            self.reusable = self.reusable and end.end() == len(data)
        elif len(data) > _LONGEST_TRAILER_BYTES:
            raise BrokenFraming("its trailer does not end")
        else:
            self._held = data


class SizedFraming:
    """A body of known length, `Content-Length`."""

    def __init__(self, length: int, *, reusable: bool = True) -> None:
        self.ended = length == 0
        self.reusable = reusable
        self._left = length

    def feed(self, data: bytes) -> bytes:
        """See `Framing`."""
        body = data[: self._left]
        self._left -= len(body)
        self.ended = not self._left
        self.reusable = self.reusable and len(body) == len(data)
        return body

    def connection_ended(self) -> None:
        """The length says that more should come."""
        raise BrokenFraming(f"{self._left} bytes of it are missing")


class OpenFraming:
    """A body that ends with its connection; whether it was cut, only its content can tell."""

    def __init__(self) -> None:
        self.ended = False
        self.reusable = False

    def feed(self, data: bytes) -> bytes:
        """See `Framing`."""
        return data

    def connection_ended(self) -> None:
        """The legal end."""
        self.ended = True
