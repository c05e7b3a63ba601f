"""Sizes read from the headers of pictures; the bytes are built after the formats' own documents."""

from __future__ import annotations

import base64

import pytest

from proxy.demo.errors import Refusal
from proxy.demo.pictures import picture_of_url, read_picture

_PNG = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + b"IHDR" + (640).to_bytes(4) + (480).to_bytes(4) + b"\x08\x02\0\0\0"
_GIF = b"GIF89a" + (320).to_bytes(2, "little") + (200).to_bytes(2, "little")
_APP0 = b"\xff\xe0\x00\x10JFIF\0" + bytes(9)
_SOF = b"\xc0\x00\x11\x08" + (600).to_bytes(2) + (800).to_bytes(2)
_JPEG = b"\xff\xd8" + _APP0 + b"\xff\xc4\x00\x04\0\0" + b"\xff" + _SOF + bytes(10)
_JPEG_PADDED = b"\xff\xd8" + _APP0 + b"\xff\xff" + _SOF.replace(b"\xc0", b"\xc2", 1) + bytes(10)


def _webp(chunk: bytes, data: bytes) -> bytes:
    return b"RIFF" + bytes(4) + b"WEBP" + chunk + len(data).to_bytes(4, "little") + data


_LOSSY = _webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + (550).to_bytes(2, "little") + (368).to_bytes(2, "little"))
_LOSSLESS = _webp(b"VP8L", b"\x2f" + ((386 - 1) | (395 - 1) << 14).to_bytes(4, "little") + bytes(5))
_EXTENDED = _webp(b"VP8X", bytes(4) + (1023).to_bytes(3, "little") + (767).to_bytes(3, "little"))


@pytest.mark.parametrize(
    ("raw", "kind", "width", "height"),
    [
        (_PNG, "PNG", 640, 480),
        (_GIF, "GIF", 320, 200),
        (_JPEG, "JPEG", 800, 600),
        (_JPEG_PADDED, "JPEG", 800, 600),
        (_LOSSY, "WebP", 550, 368),
        (_LOSSLESS, "WebP", 386, 395),
        (_EXTENDED, "WebP", 1024, 768),
        (_PNG[:20], "PNG", 0, 0),
        (_JPEG[:20], "JPEG", 0, 0),
        (_webp(b"ALPH", bytes(10)), "WebP", 0, 0),
    ],
)
def test_size_is_read_from_the_header(raw: bytes, kind: str, width: int, height: int) -> None:
    picture = read_picture(raw)
    assert (picture.kind, picture.width, picture.height, picture.size_bytes) == (kind, width, height, len(raw))


def test_picture_is_read_from_a_data_url() -> None:
    assert picture_of_url("data:image/gif;base64," + base64.b64encode(_GIF).decode()).width == 320
    assert picture_of_url("data:image/gif,GIF89a%40%01%c8%00").height == 200


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://example.com/cat.png", "invalid_image_url"),
        ("data:image/png;base64", "invalid_image_url"),
        ("data:image/png;base64,!!!!", "invalid_base64"),
        ("data:image/bmp;base64,Qk0=", "invalid_image_format"),
    ],
)
def test_picture_is_refused_when_it_cannot_be_read(url: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        picture_of_url(url)
    assert refused.value.code == code
