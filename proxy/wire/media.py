"""Pictures, sounds and documents as clients write them: what kind of file base64 text holds, and that text in its standard form. Pure.

Clients know no more of a file than its name, and label PNGs as JPEGs; upstreams look at its bytes, and refuse the request. Base64 comes in
a data URL, in the URL-safe alphabet, on several lines, without padding: each has one meaning only, and nobody is helped by a refusal.
What has no meaning is refused in Go's words, which name the place.
"""

from __future__ import annotations

import codecs
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE | re.ASCII)
_STRANGE = re.compile(r"[^A-Za-z0-9+/_\-\r\n]")
_NO_NEWLINE = re.compile(r"[^\r\n]")
_TO_STANDARD = str.maketrans("-_", "+/", "\r\n")
_HEAD_CHARS = 128
_PIECE_CHARS = 64 * 1024  # whole groups of four

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"<svg", "image/svg+xml"),
    (b"<?xml", "image/svg+xml"),
)
_MARKS_OF_WORDS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the next one does
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF32_BE, "utf-32"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_FTYP = {b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic", b"avif": "image/avif"}
AUDIO_FORMATS = {"audio/wav": "wav", "audio/mpeg": "mp3", "audio/flac": "flac", "audio/ogg": "ogg"}
"""The short names of the kinds of sound that are known."""
# Of `application/`, written in words all the same.
_OF_WORDS = frozenset(
    f"application/{prefix}{name}"
    for prefix in ("", "x-")
    for name in (
        *("ecmascript", "graphql", "javascript", "json", "json5", "jsonl", "latex", "ndjson", "perl", "php", "python", "python-code"),
        *("ruby", "sh", "sql", "subrip", "tex", "toml", "typescript", "xml", "yaml"),
    )
)
_OF_STRUCTURED_WORDS = ("+json", "+xml", "+yaml")


def mime_of_base64(data: str) -> str:
    """The media type that standard base64 text tells by its first bytes, `""` when they tell none."""
    return sniffed_mime(a2b_base64(data[:_HEAD_CHARS]))


def sniffed_mime(head: bytes) -> str:
    """The media type that the first bytes of a file tell, `""` when they tell none."""
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _FTYP.get(head[8:12], "")
    if _is_mpeg_frame(head):
        return "audio/mpeg"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((mime for magic, mime in _MAGIC if (start if magic[:1] == b"<" else head).startswith(magic)), "")


def _is_mpeg_frame(head: bytes) -> bool:
    """Whether a frame of MP3 or MP2 begins here: nothing else is said by its eleven bits that are set, not even by the mark of UTF-16.

    Source: ISO/IEC 11172-3, 2.4.1.3 (header): layer, version, bit rate and sampling frequency have values that mean nothing.
    """
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, frequency = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer in (1, 2) and bit_rate != 15 and frequency != 3


def words_in_utf8(data: str) -> str:
    """The standard base64 of a text, in UTF-8 where it has the mark of UTF-16 or UTF-32, as editors on Windows write it; else as it is."""
    head = a2b_base64(data[:8])
    encoding = next((encoding for mark, encoding in _MARKS_OF_WORDS if head.startswith(mark)), "")
    if not encoding:
        return data
    try:
        return b2a_base64(a2b_base64(data).decode(encoding).encode(), newline=False).decode()
    except ValueError:
        return data


def is_text(mime: str) -> bool:
    """Whether a document of that media type is nothing but words."""
    if mime.startswith("application/"):
        return mime in _OF_WORDS or mime.endswith(_OF_STRUCTURED_WORDS)
    return mime.startswith("text/")


def standard_base64(text: str) -> str:
    """`text` as standard padded base64: without a data URL's prefix, in the standard alphabet, on one line. Raises `ValueError`."""
    prefix = _DATA_URL.match(text)
    start = prefix.end() if prefix else 0
    payload = text[start:]
    if not payload:
        raise ValueError("an image is empty: expected its base64 data")
    if _decodes(payload):
        return _canonical(payload)
    bad = _first_corrupt(payload)
    if bad >= 0:
        raise ValueError(f"illegal base64 data at input byte {start + bad}")
    digits = payload.translate(_TO_STANDARD).rstrip("=")
    return _canonical(digits + "=" * (-len(digits) % 4))


def _canonical(payload: str) -> str:
    """`payload` without the bits that may be left over in its last digit: Go skips them, stricter decoders refuse them."""
    if not payload.endswith("="):
        return payload
    last = payload[-4:]
    canonical = b2a_base64(a2b_base64(last), newline=False).decode()
    return payload if last == canonical else payload[:-4] + canonical


def _decodes(payload: str) -> bool:
    padding = payload.find("=")
    if len(payload) % 4 or 0 <= padding < len(payload) - 2:
        return False
    try:
        # Piece by piece: nobody needs the picture itself, which would be 0.75 x its base64 more memory.
        for start in range(0, len(payload), _PIECE_CHARS):
            a2b_base64(payload[start : start + _PIECE_CHARS], strict_mode=True)
    except (Base64Error, ValueError):
        return False
    return True


def _first_corrupt(payload: str) -> int:
    """Where Go's decoder would stop, -1 when nothing but newlines, the URL-safe alphabet or missing padding keeps it from reading on.

    Source: Go `encoding/base64` decodeQuantum.
    """
    strange = _STRANGE.search(payload)
    end = strange.start() if strange else len(payload)
    digits = end - payload.count("\n", 0, end) - payload.count("\r", 0, end)
    if strange is None:
        return end - 1 if digits % 4 == 1 else -1
    if payload[end] != "=" or digits % 4 < 2:
        return end
    return _after_padding(payload, end + 1, missing=3 - digits % 4)


def _after_padding(payload: str, start: int, missing: int) -> int:
    """The first character behind a first `=` that is not one of the `missing` further ones, -1 when there is none."""
    for found in _NO_NEWLINE.finditer(payload, start):
        if missing == 0 or found.group() != "=":
            return found.start()
        missing -= 1
    return -1
