"""Reads pictures and documents by their `source`. Pure."""

from __future__ import annotations

from proxy.canonical.request import FilePart, ImagePart
from proxy.dialects.anthropic.parsing.rows import Row
from proxy.errors import InvalidRequest
from proxy.wire.media import mime_of_base64, standard_base64

_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_PDF = "application/pdf"


def read_picture(block: Row) -> ImagePart:
    """The picture of an `image` block. What its bytes say it is counts, not what the client calls it."""
    source, cache_hint = block.needed_row("source"), block.members("cache_control")
    match source.text("type"):
        case "base64":
            declared = source.text("media_type")
            data = _base64(source)
            mime = mime_of_base64(data) or declared
            if mime not in _PICTURES:
                raise source.refuse("media_type", f"Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp', not {mime!r}")
            return ImagePart(mime=mime, data=data, cache_hint=cache_hint, place=block.place())
        case "url":
            return ImagePart(url=_url(source), cache_hint=cache_hint, place=block.place())
        case kind:
            raise unknown_source(source, kind)


def read_file(source: Row, kind: str, name: str, block: Row) -> FilePart:
    """The file of a `document` block whose source is of the kind `base64` or `url`."""
    cache_hint = block.members("cache_control")
    if kind == "url":
        return FilePart(mime=_PDF, url=_url(source), name=name, cache_hint=cache_hint, place=block.place())
    data = _base64(source)
    mime = mime_of_base64(data) or source.text_or("media_type", "")
    if mime != _PDF:
        raise source.refuse("media_type", f"Input should be '{_PDF}', not {mime!r}")
    return FilePart(mime=mime, data=data, name=name, cache_hint=cache_hint, place=block.place())


def unknown_source(source: Row, kind: str) -> InvalidRequest:
    """The error about sources that only Anthropic's own server can read."""
    if kind == "file":
        return source.refuse("type", "files are kept by Anthropic's servers, which do not serve this model: send it as base64")
    return source.refuse("type", f"Input tag {kind[:40]!r} does not match any of the expected tags: 'base64', 'url'")


def _base64(source: Row) -> str:
    text = source.text("data")
    if not text:
        raise source.refuse("data", "the file is empty: expected its base64 data")
    try:
        return standard_base64(text)
    except ValueError as error:
        raise source.refuse("data", str(error)) from None


def _url(source: Row) -> str:
    url = source.text("url")
    if not url.startswith(("https://", "http://")):
        raise source.refuse("url", "Only HTTPS URLs are supported")
    return url
