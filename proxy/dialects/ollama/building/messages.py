"""Canonical messages -> those of `/api/chat`: one text each, with what there is to see and hear beside it. Pure."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from proxy.canonical.arguments import arguments_object
from proxy.canonical.no_place import no_place_for
from proxy.canonical.request import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from proxy.errors import InvalidRequest
from proxy.wire.media import is_text

Json = dict[str, Any]

# What stands between the texts of one message; a model wrote its own in one piece.
_BETWEEN = {"system": "\n\n", "developer": "\n\n", "user": "\n", "assistant": "", "tool": "\n"}

# Ollama knows these two for sound, and takes everything else for a picture (`llm/llama_server.go`, llamaServerChatMediaPart).
_AUDIO_FORMATS = ("wav", "mp3")


def messages_json(messages: Sequence[Message]) -> list[Json]:
    """The conversation.

    Raises:
        InvalidRequest: it holds what Ollama has no place for: documents but plain texts, pictures by URL, sound but WAV and MP3.
    """
    return [built for message in messages for built in _built(message)]


def _built(message: Message) -> Iterator[Json]:
    if message.role == "tool":
        yield from (_tool_message(part) for part in message.parts if isinstance(part, ToolResultPart))
    elif message.role == "assistant":
        yield _assistant_message(message)
    else:
        yield _said("system" if message.role == "developer" else message.role, message.parts, _BETWEEN[message.role])


def _said(role: str, parts: Sequence[Part], between: str) -> Json:
    """What is said and shown in `parts`. The text is always there: Ollama's own clients send it empty too."""
    texts, images = [], []
    for part in parts:
        if isinstance(part, TextPart | RefusalPart):
            texts.append(part.text)
        elif isinstance(part, FilePart):
            texts.append(_document(part))
        elif isinstance(part, ImagePart | AudioPart):
            images.append(_media(part))
    built: Json = {"role": role, "content": between.join(texts)}
    if images:
        built["images"] = images
    return built


def _assistant_message(message: Message) -> Json:
    built = _said("assistant", message.parts, "")
    thinking = "".join(part.text for part in message.parts if isinstance(part, ReasoningPart))
    if thinking:
        built["thinking"] = thinking
    calls = [_tool_call(part) for part in message.parts if isinstance(part, ToolCallPart)]
    if calls:
        built["tool_calls"] = calls
    return built


def _tool_call(call: ToolCallPart) -> Json:
    return {"id": call.id, "function": {"name": call.name, "arguments": _arguments(call.arguments)}}


def _arguments(text: str) -> object:
    """The arguments as the object that Ollama insists on. What is none is put into one: a call that went wrong once must not end the
    conversation for good.

    Source: https://github.com/BerriAI/litellm/issues/33678
    """
    arguments = arguments_object(text)
    return {"_raw": text} if arguments is None else orjson.Fragment(arguments)


def _tool_message(result: ToolResultPart) -> Json:
    built = _said("tool", result.parts, "\n")
    if result.is_error:
        built["content"] = f"Error: {built['content']}"
    return built | {"tool_name": result.name, "tool_call_id": result.call_id}


def _document(part: FilePart) -> str:
    """The words of a document that is nothing but words, under its name."""
    if not part.data or not is_text(part.mime):
        raise _no_place(part, "documents but plain texts: send their text, or their pages as pictures")
    try:
        words = a2b_base64(part.data).decode()
    except ValueError as error:
        raise _no_place(part, "texts in other encodings than UTF-8") from error
    return f"{part.name}:\n{words}" if part.name else words


def _media(part: ImagePart | AudioPart) -> str:
    """The base64 of a picture or sound; Ollama finds out by itself which of them it is."""
    match part:
        case ImagePart() if part.data:
            return part.data
        case ImagePart():
            raise _no_place(part, "pictures behind a URL: send the picture itself, in base64")
        case AudioPart() if part.format in _AUDIO_FORMATS:
            return part.data
        case AudioPart():
            raise _no_place(part, f"sound in the format {part.format[:20]!r}: send WAV or MP3")


def _no_place(part: ImagePart | AudioPart | FilePart, what: str) -> InvalidRequest:
    return no_place_for(part, f"this model is on an Ollama server, which takes no {what}")
