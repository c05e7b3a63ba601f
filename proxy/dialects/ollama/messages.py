"""From the rows of `messages` to canonical messages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from proxy.canonical.conversation import Conversation
from proxy.canonical.request import AudioPart, ImagePart, Message, Part, ReasoningPart, Role, TextPart, ToolCallPart, ToolResultPart
from proxy.errors import InvalidRequest
from proxy.wire.exact_json import dumps_exact

Row = Mapping[str, Any]
_PLAIN_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "user": "user"}


def read_messages(rows: Sequence[Row]) -> tuple[Message, ...]:
    """The conversation, every tool call with an id and every tool result with the id of its call. Raises `InvalidRequest`."""
    conversation = Conversation(pairs_by_place=True)
    for index, row in enumerate(rows):
        role = row.get("role", "").lower()
        plain = _PLAIN_ROLES.get(role)
        if plain is not None:
            conversation.add(Message(plain, _content(index, row)))
        elif role == "assistant":
            conversation.add_assistant(_assistant(index, row))
        elif role == "tool":
            conversation.add_result(ToolResultPart(row.get("tool_call_id", ""), row.get("tool_name", ""), _content(index, row)))
        else:
            raise _unknown_role(index, row.get("role", ""))
    return conversation.end()


def content_parts(text: str, media: Sequence[ImagePart | AudioPart], images: str) -> tuple[TextPart | ImagePart | AudioPart, ...]:
    """Text, unless it is empty, then what there is to see and hear, which stands at `images` in the request."""
    shown = tuple(replace(part, place=f"{images}[{number}]") for number, part in enumerate(media))
    return (TextPart(text), *shown) if text else shown


def _assistant(index: int, row: Row) -> Message:
    parts: tuple[Part, ...] = _content(index, row)
    if row.get("thinking"):
        parts = (ReasoningPart(row["thinking"]), *parts)
    return Message("assistant", (*parts, *(_call_part(index, place, call) for place, call in enumerate(row.get("tool_calls", ())))))


def _call_part(index: int, place: int, call: Row) -> ToolCallPart:
    function = call.get("function", {})
    name, arguments = function.get("name", ""), _arguments_text(function.get("arguments", {}))
    if not name:
        raise InvalidRequest(f"messages[{index}].tool_calls[{place}].function.name is missing", param="messages")
    return ToolCallPart(call.get("id", ""), name, arguments)


def _content(index: int, row: Row) -> tuple[TextPart | ImagePart | AudioPart, ...]:
    text, media = row.get("content"), row.get("images")
    if media:
        return content_parts(text or "", media, f"messages[{index}].images")
    return (TextPart(text),) if text else ()


def _arguments_text(arguments: Mapping[str, Any]) -> str:
    try:
        return dumps_exact(arguments).decode()
    except TypeError as error:
        raise InvalidRequest(f"messages.tool_calls.function.arguments can't be written as JSON: {error}", param="messages") from None


def _unknown_role(index: int, role: str) -> InvalidRequest:
    said = f'has the unknown role "{role[:40]}"' if role else "has no role"
    return InvalidRequest(f"messages[{index}] {said}: use system, developer, user, assistant or tool", param="messages")
