"""Unpacks bodies as they arrive, and knows whether their packing has come to its end. No I/O.

We ask for no packing; some servers pack all the same. A body that is cut inside its packing, though its length in HTTP is right, would be
half an answer that looks whole, and urllib3's decoders do not say whether the end was there.

Source: RFC 1950 to 1952; RFC 9110, section 8.4.1.
"""

from __future__ import annotations

import zlib
from typing import Any, Protocol

from proxy.upstream.framing import BrokenFraming

_GZIP, _ZLIB, _DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f"


class Unpacker(Protocol):
    """One packed body.

    Attributes:
        whole: nothing is missing. A body without a byte is whole: servers name packings of bodies that they leave out.
    """

    whole: bool

    def feed(self, data: bytes) -> bytes:
        """What was packed in `data`. Raises `zlib.error`, `BrokenFraming`."""


def unpacker_of(content_encoding: str) -> Unpacker | None:
    """The unpacker for a body with this `Content-Encoding`, `None` for one that is not packed."""
    coding = content_encoding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding in ("gzip", "x-gzip"):
        return GzipUnpacker()
    return DeflateUnpacker() if coding == "deflate" else NoUnpacker()


class GzipUnpacker:
    """One gzip member after the other. What follows them and is none, such as padding, is dropped, as all readers of gzip do."""

    def __init__(self) -> None:
        self.whole = True
        self._member = zlib.decompressobj(_GZIP)
        self._in_padding = False

    def feed(self, data: bytes) -> bytes:
        """See `Unpacker`."""
        parts: list[bytes] = []
        while data and not self._in_padding:
            if self._member.eof:
                if not data.startswith(_GZIP_MAGIC):
                    self._in_padding = True
                    break
                self._member = zlib.decompressobj(_GZIP)
            parts.append(self._member.decompress(data))
            self.whole = self._member.eof
            data = self._member.unused_data
        return b"".join(parts)


class DeflateUnpacker:
    """The coding `deflate`: zlib's format, or, from servers that took the name at its word, bare deflate."""

    def __init__(self) -> None:
        self.whole = True
        self._head = b""
        self._inner: Any = None

    def feed(self, data: bytes) -> bytes:
        """See `Unpacker`."""
        if self._inner is None:
            self._head = data = self._head + data
            if len(data) < 2:
                self.whole = not data
                return b""
            self._inner = zlib.decompressobj(_ZLIB if _begins_as_zlib(data) else _DEFLATE)
        unpacked: bytes = self._inner.decompress(data)
        self.whole = self._inner.eof
        return unpacked


class NoUnpacker:
    """For packings that nobody here can undo."""

    whole = True

    def feed(self, data: bytes) -> bytes:
        """See `Unpacker`."""
        raise BrokenFraming("it is packed in a way that we did not ask for")


def _begins_as_zlib(data: bytes) -> bool:
    return data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
