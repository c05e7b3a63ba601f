"""Names of tools that an upstream does not take: it gets others, and the client's own come back with the calls. Pure.

Source: OpenAI's refusals, "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64" and "... string
does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'". Anthropic's, "tools.0.custom.name: String should
match pattern '^[a-zA-Z0-9_-]{1,128}$'".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from proxy.canonical.events import ChatEvent, PartOpened
from proxy.canonical.request import ChatRequest, Message, Part, ToolCallPart, ToolResultPart

_DIGEST_CHARS = 8
_FOREIGN: Final = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class NameRule:
    """Which names an upstream takes.

    Attributes:
        most_chars: how long they may be; `None` for any length.
        plain: whether they may have only the letters and digits of ASCII, `_` and `-`.
    """

    most_chars: int | None
    plain: bool = False

    def allows(self, name: str) -> bool:
        """Whether the upstream takes `name`."""
        return (self.most_chars is None or len(name) <= self.most_chars) and not (self.plain and _FOREIGN.search(name))


def legal_name(name: str, rule: NameRule) -> str:
    """`name`, or the same legal name for it at any time: as much of it as can stay before a digest, which tells it from others."""
    if rule.allows(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    begin = name if rule.most_chars is None else name[: rule.most_chars - _DIGEST_CHARS - 1]
    return f"{_FOREIGN.sub('_', begin) if rule.plain else begin}_{digest}"


def own_names(request: ChatRequest, rule: NameRule) -> Mapping[str, str]:
    """The client's names of the tools that may be called, by the legal ones; empty where all are legal."""
    return {legal_name(tool.name, rule): tool.name for tool in request.tools if not rule.allows(tool.name)}


def with_legal_names(request: ChatRequest, rule: NameRule) -> ChatRequest:
    """`request` with legal names, in what was called before, too; `request` itself where all are."""
    if all(map(rule.allows, _names(request))):
        return request
    return replace(
        request,
        tools=tuple(replace(tool, name=legal_name(tool.name, rule)) for tool in request.tools),
        tool_choice=_choice(request.tool_choice, rule),
        messages=tuple(_message(message, rule) for message in request.messages),
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


def _choice(choice: str | Mapping[str, Any] | None, rule: NameRule) -> str | Mapping[str, Any] | None:
    if not isinstance(choice, Mapping):
        return choice
    return {**choice, "function": {"name": legal_name(choice["function"]["name"], rule)}}


def _message(message: Message, rule: NameRule) -> Message:
    parts = tuple(_part(part, rule) for part in message.parts)
    return message if parts == message.parts else replace(message, parts=parts)


def _part(part: Part, rule: NameRule) -> Part:
    return replace(part, name=legal_name(part.name, rule)) if isinstance(part, ToolCallPart | ToolResultPart) else part
