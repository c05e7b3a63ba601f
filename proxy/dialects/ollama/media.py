"""Reads the entries of `images`: base64 without a word about what it is. Pure.

Ollama takes standard padded base64 only and says `illegal base64 data at input byte 4` to a data URL, as it would to any text that is not
base64. We take what `proxy.wire.media` takes: clients of OpenAI-style servers have it at hand.
"""

from __future__ import annotations

from proxy.canonical.request import AudioPart, ImagePart
from proxy.wire.media import AUDIO_FORMATS, mime_of_base64, standard_base64

_REFUSED = {
    "image/svg+xml": "SVG images are not supported: send a PNG, JPEG, WebP or GIF",
    "application/pdf": "PDF documents are not supported in images: send their pages as PNG, JPEG or WebP",
}


def media_part(text: str) -> ImagePart | AudioPart:
    """The picture or sound that `text` holds, as standard padded base64 with its sniffed type. Raises `ValueError`."""
    data = standard_base64(text)
    mime = mime_of_base64(data)
    if mime in _REFUSED:
        raise ValueError(_REFUSED[mime])
    if mime in AUDIO_FORMATS:
        return AudioPart(format=AUDIO_FORMATS[mime], data=data)
    # Ollama labels what it does not know as JPEG (`llm/llama_server.go`, llamaServerChatMediaPart); the upstream then judges the bytes.
    return ImagePart(mime=mime or "image/jpeg", data=data)
