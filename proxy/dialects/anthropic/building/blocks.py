"""Canonical parts -> content blocks. Pure.

Source: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from proxy.canonical.arguments import arguments_object
from proxy.canonical.no_place import no_place_for
from proxy.canonical.opaque_words import ANTHROPIC
from proxy.canonical.request import AudioPart, CacheHint, FilePart, ImagePart, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from proxy.dialects.anthropic.tool_names import wire_name
from proxy.errors import InvalidRequest
from proxy.wire.exact_json import has_long_numbers, loads_exact
from proxy.wire.media import is_text

Json = dict[str, Any]
Shown = ImagePart | AudioPart | FilePart

_IMAGES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")


def text_block(text: str, cache_hint: CacheHint = None) -> Json | None:
    """What was said; `None` for what has nothing but white space, which is refused."""
    return _hinted({"type": "text", "text": text}, cache_hint) if text and not text.isspace() else None


def shown_block(part: Shown) -> Json:
    """A picture or a document.

    Raises:
        InvalidRequest: it is of a kind that Claude cannot look at.
    """
    match part:
        case ImagePart():
            return _hinted({"type": "image", "source": _image_source(part)}, part.cache_hint)
        case FilePart():
            return _file_block(part)
        case AudioPart():
            raise _no_place(part, "sound")


def thinking_block(part: ReasoningPart, *, takes_unsigned: bool) -> Json | None:
    """Thoughts as they came from here; `None` for those of others, and for those whose signature was lost: Claude's server refuses both."""
    if takes_unsigned and part.text and not part.opaque:
        return {"type": "thinking", "thinking": part.text, "signature": ""}
    if part.origin != ANTHROPIC or not part.opaque:
        return None
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.opaque}
    return {"type": "thinking", "thinking": part.text, "signature": part.opaque}


def tool_use_block(call: ToolCallPart, legal_id: str) -> Json:
    """A call that the model made."""
    return _hinted({"type": "tool_use", "id": legal_id, "name": wire_name(call.name), "input": _input(call.arguments)}, call.cache_hint)


def tool_result_block(result: ToolResultPart, legal_id: str, behind: list[Json]) -> Json:
    """The answer to a call. What a tool shows along with an error goes to `behind`: results that are errors may hold only text."""
    built: Json = {"type": "tool_result", "tool_use_id": legal_id}
    content: list[Json] = []
    for part in result.parts:
        if isinstance(part, TextPart):
            block = text_block(part.text, part.cache_hint)
        elif result.is_error:
            behind.append(shown_block(part))
            block = {"type": "text", "text": f"[shown below: {'document' if isinstance(part, FilePart) else 'image'} {len(behind)}]"}
        else:
            block = shown_block(part)
        if block is not None:
            content.append(block)
    if content:
        built["content"] = content
    if result.is_error:
        built["is_error"] = True
    return _hinted(built, result.cache_hint)


def _hinted(block: Json, cache_hint: CacheHint) -> Json:
    if cache_hint is not None:
        block["cache_control"] = dict(cache_hint)
    return block


def _input(arguments: str) -> Mapping[str, Any]:
    """The arguments as the object that they must be. What is none is put into one: a call that went wrong once must not end the
    conversation for good.
    """
    text = arguments_object(arguments)
    if text is None:
        return {"_raw": arguments}
    value: Json = loads_exact(text) if has_long_numbers(text) else orjson.loads(text)
    return value


def _image_source(part: ImagePart) -> Json:
    if not part.data:
        return {"type": "url", "url": part.url}
    if part.mime not in _IMAGES:
        raise _no_place(part, f"pictures of the type {part.mime[:40] or 'unknown'!r}: send JPEG, PNG, GIF or WebP")
    return {"type": "base64", "media_type": part.mime, "data": part.data}


def _file_block(part: FilePart) -> Json:
    if part.mime.startswith("image/"):
        return shown_block(ImagePart(part.mime, part.data, part.url, part.cache_hint, part.place))
    built: Json = {"type": "document", "source": _file_source(part)}
    if part.name:
        built["title"] = part.name
    return _hinted(built, part.cache_hint)


def _file_source(part: FilePart) -> Json:
    if not part.data:
        return {"type": "url", "url": part.url}
    if part.mime == "application/pdf":
        return {"type": "base64", "media_type": part.mime, "data": part.data}
    if not is_text(part.mime):
        raise _no_place(part, f"documents of the type {part.mime[:40] or 'unknown'!r}: send PDF or text")
    try:
        return {"type": "text", "media_type": "text/plain", "data": base64.b64decode(part.data).decode()}
    except ValueError as error:
        raise no_place_for(part, "a document that calls itself text is none in UTF-8") from error


def _no_place(part: Shown, what: str) -> InvalidRequest:
    return no_place_for(part, f"this model is on a server that speaks Anthropic's language, which takes no {what}")


def said(blocks: Sequence[Json | None]) -> list[Json]:
    """`blocks` without those that say nothing."""
    return [block for block in blocks if block is not None]
