"""Bytes cut anywhere -> lines of an NDJSON stream. Pure."""

from __future__ import annotations

from proxy.errors import UpstreamBroken

MAX_LINE_BYTES = 16 * 1024 * 1024


class Lines:
    """Cuts one stream into lines. What is not complete waits; reading is linear in the size of the stream."""

    __slots__ = ("_held", "_held_bytes")

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0

    def feed(self, chunk: bytes) -> bytes:
        """The lines that `chunk` completes, with their ends.

        Raises:
            UpstreamBroken: a line is longer than anything that makes sense.
        """
        end = chunk.rfind(b"\n") + 1
        if end == len(chunk) and not self._held:
            return chunk
        lines = b"".join((*self._held, chunk[:end])) if end else b""
        if end:
            self._held, self._held_bytes = [], 0
        if end < len(chunk):
            self._held.append(chunk[end:])
            self._held_bytes += len(chunk) - end
            if self._held_bytes > MAX_LINE_BYTES:
                raise UpstreamBroken(f"the upstream sent a line of more than {MAX_LINE_BYTES} bytes")
        return lines

    def close(self) -> bytes:
        """The last line, where it has no end."""
        rest = b"".join(self._held)
        self._held, self._held_bytes = [], 0
        return rest
