"""What OpenAI's clients show, play and attach: data URLs, addresses and base64. Pure."""

from __future__ import annotations

import re
from binascii import b2a_base64
from urllib.parse import unquote_to_bytes

from proxy.canonical.request import AudioPart, CacheHint, FilePart, ImagePart
from proxy.errors import InvalidRequest
from proxy.wire.media import AUDIO_FORMATS, is_text, mime_of_base64, standard_base64, words_in_utf8

Media = ImagePart | AudioPart | FilePart

_DATA_URL = re.compile(r"data:(?P<mime>[^;,]{0,100})(?:;(?!base64,)[^;,]{0,100}){0,8}(?P<base64>;base64)?,", re.IGNORECASE | re.ASCII)
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_SVG = "image/svg+xml"
_LIKE_WORDS = ("image/bmp", "audio/mpeg")  # `BM` and `ID3` begin texts, too; any XML may look like a drawing
_MIME_OF_ENDING = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "xml": "text/xml",
    "json": "application/json",
}


def picture(url: str, place: str, cache_hint: CacheHint = None, detail: str = "") -> Media:
    """What a client shows under `url`: a data URL, whose bytes tell what it is, or an address on the web. Raises `InvalidRequest`."""
    if _ADDRESS.match(url):
        return ImagePart(url=url, cache_hint=cache_hint, place=place, detail=detail)
    found = _DATA_URL.match(url)
    if found is None:
        raise _invalid(place, "expected an http(s) URL or a base64 data URL")
    data = _data_of(url, found, place)
    return _sorted_out(mime_of_base64(data) or found["mime"].lower() or "image/jpeg", data, "", cache_hint, place, detail)


def attachment(text: str, name: str, place: str, cache_hint: CacheHint = None) -> Media:
    """What a client attaches: a data URL, an address on the web, or bare base64. Raises `InvalidRequest`."""
    if _ADDRESS.match(text):
        return FilePart(url=text, name=name, cache_hint=cache_hint, place=place)
    found = _DATA_URL.match(text)
    data = _data_of(text, found, place) if found else _standard(text, place)
    told = (found["mime"].lower() if found else "") or _MIME_OF_ENDING.get(name.rpartition(".")[2].lower(), "")
    sniffed = mime_of_base64(data)
    is_doubtful = (sniffed == _SVG and told) or (sniffed in _LIKE_WORDS and is_text(told))
    mime = told if is_doubtful else sniffed or told or "application/octet-stream"
    if is_text(mime):
        data = words_in_utf8(data)
    return _sorted_out(mime, data, name, cache_hint, place)


def sound(data: str, told: str, place: str) -> AudioPart:
    """A sound in base64, whose client says that its format is `told`. Raises `InvalidRequest`."""
    standard = _standard(data, place)
    sound_format = AUDIO_FORMATS.get(mime_of_base64(standard)) or told
    if not sound_format:
        raise _invalid(place, "its format is not known")
    return AudioPart(sound_format, standard, place)


def _sorted_out(mime: str, data: str, name: str, cache_hint: CacheHint, place: str, detail: str = "") -> Media:
    if mime == _SVG:
        raise _invalid(place, "SVG images are not supported; send a PNG, JPEG, WebP or GIF")
    if mime in AUDIO_FORMATS:
        return AudioPart(AUDIO_FORMATS[mime], data, place)
    if mime.startswith("image/"):
        return ImagePart(mime, data, cache_hint=cache_hint, place=place, detail=detail)
    return FilePart(mime, data, name=name, cache_hint=cache_hint, place=place)


def _data_of(url: str, found: re.Match[str], place: str) -> str:
    """The bytes of a data URL as standard base64; those that stand there as text are encoded."""
    text = url[found.end() :]
    if not found["base64"]:
        return b2a_base64(unquote_to_bytes(text), newline=False).decode()
    if "%" in text[:256] or "%" in text[-8:]:
        text = unquote_to_bytes(text).decode("ascii", "replace")
    return _standard(text, place)


def _standard(text: str, place: str) -> str:
    if not text:
        raise _invalid(place, "it is empty")
    try:
        return standard_base64(text)
    except ValueError as error:
        raise _invalid(place, str(error)) from None


def _invalid(place: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid '{place}': {why}.", param=place, code="invalid_value")
