"""Tells whole answers from streams by their first bytes, and gathers them. Pure.

Content types are not asked: servers send streams without one, and whole answers or errors where a stream was asked for.
"""

from __future__ import annotations

from proxy.errors import UpstreamBroken
from proxy.wire.sse import MAX_EVENT_BYTES

_BLANK = b"\xef\xbb\xbf \t\r\n"


class WholeAnswer:
    """The pieces of an answer that begins with a brace or a bracket. It is read when there are no more."""

    __slots__ = ("_pieces", "_size_bytes")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    @property
    def body(self) -> bytes:
        """All of it, `b""` when there is none: the answer is a stream, or is empty."""
        return b"".join(self._pieces)

    def take(self, chunk: bytes) -> bytes:
        """What the first bytes of a stream say, without what is blank before it; `b""` for what is blank, or a piece of a whole answer.

        Raises:
            UpstreamBroken: it is a web page, or too long.
        """
        if not self._pieces:
            chunk = chunk.lstrip(_BLANK)
            if chunk.startswith(b"<"):  # Some never end.
                raise UpstreamBroken("the upstream answered with a web page; check the base URL")
            if not chunk.startswith((b"{", b"[")):
                return chunk
        self._pieces.append(chunk)
        self._size_bytes += len(chunk)
        if self._size_bytes > MAX_EVENT_BYTES:
            raise UpstreamBroken(f"the upstream's answer has more than {MAX_EVENT_BYTES} bytes")
        return b""
