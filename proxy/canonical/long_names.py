"""Names of tools that are too long for an upstream: it gets shorter ones, and the client's own come back with the calls. Pure.

Source: OpenAI's refusal, "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from proxy.canonical.events import ChatEvent, PartOpened
from proxy.canonical.request import ChatRequest, Message, Part, ToolCallPart, ToolResultPart

_DIGEST_CHARS = 8


def short_name(name: str, most_chars: int) -> str:
    """`name`, or the same shorter name for it at any time: as much of it as fits before a digest."""
    if len(name) <= most_chars:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return f"{name[: most_chars - _DIGEST_CHARS - 1]}_{digest}"


def own_names(request: ChatRequest, most_chars: int) -> Mapping[str, str]:
    """The client's names of the tools that may be called, by the shorter ones; empty where all fit."""
    return {short_name(tool.name, most_chars): tool.name for tool in request.tools if len(tool.name) > most_chars}


def with_short_names(request: ChatRequest, most_chars: int) -> ChatRequest:
    """`request` with names that fit, in what was called before, too; `request` itself where all do."""
    if all(len(name) <= most_chars for name in _names(request)):
        return request
    return replace(
        request,
        tools=tuple(replace(tool, name=short_name(tool.name, most_chars)) for tool in request.tools),
        tool_choice=_choice(request.tool_choice, most_chars),
        messages=tuple(_message(message, most_chars) for message in request.messages),
    )


class OwnNames:
    """Puts the client's names of tools into an answer.

    Args:
        names: them, by the names that the model knows.
    """

    __slots__ = ("_names",)

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def feed(self, events: Sequence[ChatEvent]) -> list[ChatEvent]:
        """`events`, in which calls have the client's names."""
        return [self._named(event) for event in events]

    def _named(self, event: ChatEvent) -> ChatEvent:
        return replace(event, name=self._names[event.name]) if isinstance(event, PartOpened) and event.name in self._names else event


def _names(request: ChatRequest) -> Iterator[str]:
    yield from (tool.name for tool in request.tools)
    yield from (part.name for message in request.messages for part in message.parts if isinstance(part, ToolCallPart | ToolResultPart))


def _choice(choice: str | Mapping[str, Any] | None, most_chars: int) -> str | Mapping[str, Any] | None:
    if not isinstance(choice, Mapping):
        return choice
    return {**choice, "function": {"name": short_name(choice["function"]["name"], most_chars)}}


def _message(message: Message, most_chars: int) -> Message:
    parts = tuple(_part(part, most_chars) for part in message.parts)
    return message if parts == message.parts else replace(message, parts=parts)


def _part(part: Part, most_chars: int) -> Part:
    return replace(part, name=short_name(part.name, most_chars)) if isinstance(part, ToolCallPart | ToolResultPart) else part
