"""What was said, shown, played and attached -> the content of messages to Chat Completions. Pure."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Sequence
from typing import Any

from proxy.canonical.no_place import no_place_for
from proxy.canonical.request import AudioPart, FilePart, ImagePart, Part, RefusalPart, TextPart
from proxy.dialects.openai.file_names import file_name
from proxy.profiles import Profile
from proxy.wire.large_json import LongText
from proxy.wire.media import is_text

Json = dict[str, Any]
Media = ImagePart | AudioPart | FilePart

_LARGE_CHARS = 1024 * 1024
_MEDIA = (ImagePart, AudioPart, FilePart)
_SPOKEN = (TextPart, RefusalPart)


def content_json(parts: Sequence[Part], between: str, profile: Profile) -> str | list[Json]:
    """A text where there is nothing else, since some servers take nothing else; parts where there is something to see or hear, or a mark.

    Raises:
        InvalidRequest: a document can't be sent to such a server.
    """
    if len(parts) == 1 and isinstance(parts[0], TextPart) and not (parts[0].cache_hint and profile.cache_hints):
        return parts[0].text
    texts = []
    for part in parts:
        if isinstance(part, _MEDIA) or (profile.cache_hints and isinstance(part, TextPart) and part.cache_hint):
            return content_parts(parts, profile)
        if isinstance(part, _SPOKEN):
            texts.append(part.text)
    return between.join(texts)


def content_parts(parts: Sequence[Part], profile: Profile) -> list[Json]:
    """What was said, shown, played and attached, without empty texts. Raises as `content_json`."""
    built: list[Json] = []
    for part in parts:
        if isinstance(part, _MEDIA):
            built.append(_marked(media_json(part, profile), part, profile))
        elif isinstance(part, _SPOKEN) and part.text:
            built.append(_marked({"type": "text", "text": part.text}, part, profile))
    return built


def media_json(part: Media, profile: Profile) -> Json:
    """What is no text. Raises as `content_json`."""
    if isinstance(part, AudioPart):
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
    if isinstance(part, FilePart):
        return _file(part, profile)
    image = {"url": part.url or _data_url(part)}
    if part.detail and not profile.leaves_out("detail"):
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image}


def label(part: Media, number: int) -> str:
    """By what something is called that stands elsewhere."""
    kind = "image" if isinstance(part, ImagePart) else "audio" if isinstance(part, AudioPart) else "document"
    return f"[{kind} {number}]"


def _marked(built: Json, part: Part, profile: Profile) -> Json:
    """`built`, with the mark of what to cache where the server knows such marks."""
    hint = getattr(part, "cache_hint", None) if profile.cache_hints else None
    return {**built, "cache_control": hint} if hint else built


def _file(part: FilePart, profile: Profile) -> Json:
    """A document: as it is where the server takes some, else its text where it is one."""
    if part.data and is_text(part.mime):
        return {"type": "text", "text": _text_of(part)}
    if not profile.files:
        raise no_place_for(part, f"the server of this model takes no documents of type {part.mime or 'unknown'}: send its text")
    if part.url and profile.files != "any":
        raise no_place_for(part, "the server of this model takes no documents by URL: send their content")
    return {"type": "file", "file": {"filename": file_name(part.name, part.mime), "file_data": part.url or _data_url(part)}}


def _text_of(part: FilePart) -> str:
    try:
        text = a2b_base64(part.data).decode()
    except ValueError as error:
        raise no_place_for(part, "a document that calls itself text is none in UTF-8") from error
    return f"{part.name}:\n{text}" if part.name else text


def _data_url(part: ImagePart | FilePart) -> str | LongText:
    prefix = f"data:{part.mime};base64,"
    # Put together here, a large picture would be in memory three times when the body is written, and not twice.
    return prefix + part.data if len(part.data) < _LARGE_CHARS else LongText((prefix, part.data))
