"""Type and size of a picture, read from its first bytes."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from proxy.demo.errors import Refusal

# Start-of-frame markers of JPEG: all of C0..CF but DHT, JPG and DAC (ITU T.81, table B.1).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class Picture:
    """What the header says; `width` and `height` are 0 when it could not be read."""

    kind: str
    width: int
    height: int
    size_bytes: int


def picture_of_url(url: str) -> Picture:
    """The picture in a data URL. Raises `Refusal` for other addresses (the demo fetches nothing) and for what is no picture."""
    head, comma, data = url.partition(",")
    if not head.startswith("data:") or not comma:
        raise Refusal("This demo fetches no addresses: send the picture as a data URL.", param="messages", code="invalid_image_url")
    try:
        raw = base64.b64decode(data, validate=True) if head.endswith(";base64") else unquote_to_bytes(data)
    except binascii.Error:
        raise Refusal("The picture is not valid base64.", param="messages", code="invalid_base64") from None
    return read_picture(raw)


def read_picture(raw: bytes) -> Picture:
    """The picture in these bytes. Raises `Refusal` when they are none of PNG, JPEG, GIF and WebP."""
    for kind, magic, offset, size_of in _FORMATS:
        if raw[offset : offset + len(magic)] == magic:
            width, height = size_of(raw)
            return Picture(kind, width, height, len(raw))
    raise Refusal("The picture is none of PNG, JPEG, GIF and WebP.", param="messages", code="invalid_image_format")


def _png_size(raw: bytes) -> tuple[int, int]:
    if raw[12:16] != b"IHDR" or len(raw) < 24:
        return 0, 0
    return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])


def _gif_size(raw: bytes) -> tuple[int, int]:
    return int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")


def _webp_size(raw: bytes) -> tuple[int, int]:
    chunk, data = raw[12:16], raw[20:30]
    if chunk == b"VP8X" and len(data) == 10:
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if chunk == b"VP8L" and data[:1] == b"\x2f":
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    return 0, 0


def _jpeg_size(raw: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        marker = raw[at + 1]
        if marker in _JPEG_FRAMES:
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        else:
            at += 2 + int.from_bytes(raw[at + 2 : at + 4])
    return 0, 0


_FORMATS = (
    ("PNG", b"\x89PNG\r\n\x1a\n", 0, _png_size),
    ("JPEG", b"\xff\xd8\xff", 0, _jpeg_size),
    ("GIF", b"GIF8", 0, _gif_size),
    ("WebP", b"WEBP", 8, _webp_size),
)
