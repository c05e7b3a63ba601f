"""From the rows of `messages` to canonical messages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.canonical.request import AudioPart, ImagePart, Message, Part, ReasoningPart, Role, TextPart, ToolCallPart, ToolResultPart
from proxy.dialects.ollama.tool_calls import CallLedger
from proxy.errors import InvalidRequest
from proxy.wire.exact_json import dumps_exact

Row = Mapping[str, Any]
_PLAIN_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "user": "user"}


def read_messages(rows: Sequence[Row]) -> tuple[Message, ...]:
    """The conversation, every tool call with an id and every tool result with the id of its call. Raises `InvalidRequest`."""
    conversation = _Conversation()
    for index, row in enumerate(rows):
        conversation.add(index, row)
    return conversation.end()


def content_parts(text: str, media: Sequence[ImagePart | AudioPart]) -> tuple[TextPart | ImagePart | AudioPart, ...]:
    """Text, unless it is empty, then what there is to see and hear."""
    return (TextPart(text), *media) if text else tuple(media)


class _Conversation:
    """The messages read so far. Results stand right behind the turn that called for them, wherever they came: upstreams insist.

    While a turn's results may still come, it is kept open: its parts, its results, and the messages that came after it.
    """

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._ledger = CallLedger()
        self._turn: list[Part] = []
        self._results: list[Message] = []
        self._after: list[Message] = []

    def add(self, index: int, row: Row) -> None:
        """Takes the next row, which stands at `index`. Raises `InvalidRequest`."""
        role = row.get("role", "").lower()
        plain = _PLAIN_ROLES.get(role)
        if plain is not None:
            self._after.append(Message(plain, _content(row)))
        elif role == "assistant":
            self._add_assistant(index, row)
        elif role == "tool":
            self._add_result(row)
        else:
            raise _unknown_role(index, row.get("role", ""))

    def end(self) -> tuple[Message, ...]:
        """All messages, once there are no more rows."""
        self._close_turn()
        return tuple(self._messages)

    def _add_assistant(self, index: int, row: Row) -> None:
        calls = row.get("tool_calls", ())
        # Calls of one turn may come in several messages; upstreams want them in one, their results behind it.
        goes_on = self._turn and not self._results and not self._after
        if calls and not goes_on:
            self._close_turn()
        parts: tuple[Part, ...] = _content(row)
        if row.get("thinking"):
            parts = (ReasoningPart(row["thinking"]), *parts)
        if calls:
            parts = (*parts, *(self._call_part(index, place, call) for place, call in enumerate(calls)))
        if calls or goes_on:
            self._turn.extend(parts)
        else:
            self._after.append(Message("assistant", parts))

    def _call_part(self, index: int, place: int, call: Row) -> ToolCallPart:
        function = call.get("function", {})
        name, arguments = function.get("name", ""), _arguments_text(function.get("arguments", {}))
        if not name:
            raise InvalidRequest(f"messages[{index}].tool_calls[{place}].function.name is missing", param="messages")
        return ToolCallPart(self._ledger.enter(call.get("id", ""), name, arguments), name, arguments)

    def _add_result(self, row: Row) -> None:
        call = self._ledger.answer(row.get("tool_call_id", ""), row.get("tool_name", ""))
        if call is not None:
            self._results.append(Message("tool", (ToolResultPart(call.id, call.name, _content(row)),)))
        else:
            # A result that nothing called for: upstreams refuse it as a tool message, so the model reads it as said by the user.
            self._after.append(Message("user", _content(row)))

    def _close_turn(self) -> None:
        """Moves the open turn to the rest, with an answer for every call: upstreams refuse a conversation with a call left open."""
        if self._turn:
            self._messages.append(Message("assistant", tuple(self._turn)))
        for call in self._ledger.unanswered():
            self._results.append(Message("tool", (ToolResultPart(call.id, call.name, (TextPart("(no result)"),), is_error=True),)))
        self._messages += self._results + self._after
        self._turn, self._results, self._after = [], [], []
        self._ledger.begin_turn()


def _content(row: Row) -> tuple[TextPart | ImagePart | AudioPart, ...]:
    text, media = row.get("content"), row.get("images")
    if media:
        return content_parts(text or "", media)
    return (TextPart(text),) if text else ()


def _arguments_text(arguments: Mapping[str, Any]) -> str:
    try:
        return dumps_exact(arguments).decode()
    except TypeError as error:
        raise InvalidRequest(f"messages.tool_calls.function.arguments can't be written as JSON: {error}", param="messages") from None


def _unknown_role(index: int, role: str) -> InvalidRequest:
    said = f'has the unknown role "{role[:40]}"' if role else "has no role"
    return InvalidRequest(f"messages[{index}] {said}: use system, developer, user, assistant or tool", param="messages")
