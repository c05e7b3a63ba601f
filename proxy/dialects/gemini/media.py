"""Pictures, sounds and documents as parts of a content. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from proxy.canonical.no_place import no_place_for
from proxy.canonical.request import AudioPart, FilePart, ImagePart
from proxy.profiles import Profile
from proxy.wire.media import is_text

Json = dict[str, Any]
Media = ImagePart | AudioPart | FilePart

_ENDING: Final = re.compile(r"\.(\w{2,5})(?:[?#].*)?$", re.DOTALL)
# What URLs end in: Gemini wants to be told the type of what it fetches.
_MIMES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
}
_SOUNDS: Final = {"mp3": "audio/mp3", "wav": "audio/wav", "m4a": "audio/m4a"}
# As what texts are read; those of other types, JSON and YAML among them, are refused: "Unsupported MIME type: application/json". PDF aside,
# a document is nothing but its text to Gemini, whatever it is called.
# Source: https://ai.google.dev/gemini-api/docs/document-processing and https://github.com/googleapis/python-genai/issues/744
_PLAIN: Final = "text/plain"
_TEXTS: Final = frozenset({_PLAIN, "text/html", "text/css", "text/markdown", "text/csv", "text/xml", "text/rtf", "text/javascript"})
_SEEN_AND_HEARD: Final = ("image/", "audio/", "video/")
# Files that were uploaded to it, and films. Source: https://ai.google.dev/gemini-api/docs/file-input-methods
_OF_GOOGLE: Final = ("generativelanguage.googleapis.com/", "www.youtube.com/", "youtube.com/", "youtu.be/")
_UNFETCHED: Final = "Gemini fetches only https:// URLs, and none before Gemini 2.5: send the picture or document itself, in base64"


def media_json(part: Media, profile: Profile) -> Json:
    """The part that shows or plays it. What is at a URL the upstream fetches.

    Raises:
        InvalidRequest: it is at a URL that the model is known not to fetch, or a document of a type that no Gemini reads.
    """
    if isinstance(part, AudioPart):
        return {"inlineData": {"mimeType": _SOUNDS.get(part.format, f"audio/{part.format}"), "data": part.data}}
    if part.data:
        return {"inlineData": {"mimeType": part.mime if isinstance(part, ImagePart) else _read_as(part), "data": part.data}}
    if not _is_fetched(part.url, profile):
        raise no_place_for(part, _UNFETCHED)
    mime = part.mime or _mime_of_url(part.url)
    return {"fileData": {"mimeType": mime, "fileUri": part.url} if mime else {"fileUri": part.url}}


def name_of(part: Media) -> str:
    """What a document is called, `""` where nobody says. Its own part has no place for that: it is told in words before it."""
    return part.name if isinstance(part, FilePart) else ""


def _read_as(part: FilePart) -> str:
    """The type under which Gemini reads a document."""
    mime = part.mime
    if is_text(mime):
        return mime if mime in _TEXTS else _PLAIN
    if mime == "application/pdf" or mime.startswith(_SEEN_AND_HEARD):
        return mime
    raise no_place_for(part, f"Gemini reads no documents of the type {mime[:80] or 'unknown'!r}: send PDF or text")


def _is_fetched(url: str, profile: Profile) -> bool:
    """Whether Google fetches it: its own files always; others from Gemini 2.5 on, and none that is not encrypted."""
    scheme, _, rest = url.partition("://")
    return scheme.lower() == "https" and (profile.files == "any" or rest.lower().startswith(_OF_GOOGLE))


def _mime_of_url(url: str) -> str:
    ending = _ENDING.search(url)
    return _MIMES.get(ending[1].lower(), "") if ending else ""
