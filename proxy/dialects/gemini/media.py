"""Pictures, sounds and documents as parts of a content. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from proxy.canonical.request import AudioPart, FilePart, ImagePart

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


def media_json(part: Media) -> Json:
    """The part that shows or plays it. What is at a URL is fetched by the upstream, if it fetches such URLs."""
    if isinstance(part, AudioPart):
        return {"inlineData": {"mimeType": _SOUNDS.get(part.format, f"audio/{part.format}"), "data": part.data}}
    if part.data:
        return {"inlineData": {"mimeType": part.mime or "application/octet-stream", "data": part.data}}
    mime = part.mime or _mime_of_url(part.url)
    return {"fileData": {"mimeType": mime, "fileUri": part.url} if mime else {"fileUri": part.url}}


def _mime_of_url(url: str) -> str:
    ending = _ENDING.search(url)
    return _MIMES.get(ending[1].lower(), "") if ending else ""
