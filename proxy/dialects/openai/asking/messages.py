"""The `messages` of a chat -> canonical messages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from proxy.canonical.conversation import Conversation
from proxy.canonical.opaque_words import ANTHROPIC, Opaque, read_opaque_word
from proxy.canonical.request import Message, Part, ReasoningPart, RefusalPart, Role, TextPart, ToolCallPart, ToolResultPart
from proxy.dialects.openai.asking.content import CHAT_PARTS, read_content, required_content
from proxy.dialects.openai.asking.row import Row, unsupported, wrong_type, wrong_value
from proxy.wire.exact_json import dumps_exact

_PLAIN_ROLES: Final[dict[str, Role]] = {"system": "system", "developer": "developer", "user": "user"}
_ROLES = (*_PLAIN_ROLES, "assistant", "tool", "function")
# Where Google's servers, and clients that know them, keep the signature of a call.
# Source: https://ai.google.dev/gemini-api/docs/openai
_GOOGLE, _THOUGHT_SIGNATURE = "google", "thought_signature"


def read_messages(rows: Sequence[Row]) -> tuple[Message, ...]:
    """The conversation, in the order that upstreams insist on. Raises `InvalidRequest`."""
    conversation = Conversation(pairs_by_place=False)
    functions = _Functions()
    for row in rows:
        role = row.required_text("role")
        if role == "assistant":
            conversation.add_assistant(_assistant(row, functions))
        elif role == "tool":
            conversation.add_result(_result(row, row.required_text("tool_call_id")))
        elif role == "function":
            conversation.add_result(_result(row, functions.answered(row.required_text("name"))))
        elif role in _PLAIN_ROLES:
            conversation.add(Message(_PLAIN_ROLES[role], required_content(row, CHAT_PARTS), row.text("name")))
        else:
            raise wrong_value(row.place("role"), role, _ROLES)
    return conversation.end()


class _Functions:
    """Ids for the calls of those who know functions instead of tools: a call has none, and the next result with its name belongs to it."""

    def __init__(self) -> None:
        self._count = 0
        self._latest: dict[str, str] = {}

    def called(self, name: str) -> str:
        """The id of another call of `name`."""
        self._count += 1
        self._latest[name] = f"call_function_{self._count}"
        return self._latest[name]

    def answered(self, name: str) -> str:
        """The id of the latest call of `name`, `""` when there is none that waits."""
        return self._latest.pop(name, "")


def _content(row: Row) -> tuple[Part, ...]:
    return read_content(row.get("content"), row.place("content"), CHAT_PARTS)


def _result(row: Row, call_id: str) -> ToolResultPart:
    parts = tuple(
        TextPart(part.text) if isinstance(part, RefusalPart | ReasoningPart) else part
        for part in read_content(row.get("content"), row.place("content"), CHAT_PARTS)
    )
    return ToolResultPart(call_id, "", parts)


def _assistant(row: Row, functions: _Functions) -> Message:
    refusal = row.text("refusal")
    calls = [_tool_call(call) for call in row.rows("tool_calls")]
    function = row.row("function_call")
    if function.get("name") is not None:
        name = function.required_text("name")
        calls.append(ToolCallPart(functions.called(name), name, _arguments(function)))
    refusals = (RefusalPart(refusal),) if refusal else ()
    return Message("assistant", (*_reasoning(row), *_content(row), *refusals, *calls), row.text("name"))


def _reasoning(row: Row) -> list[ReasoningPart]:
    """What the model thought: in blocks where a signature belongs to it, else as a text under one of its two names."""
    blocks = [part for block in row.rows("thinking_blocks") if (part := _thinking_block(block)) is not None]
    if sum(bool(block.opaque) for block in blocks) > 1:
        # A chat has no place for them among words and calls.
        return [replace(block, is_loose=True) for block in blocks]
    if blocks:
        return blocks
    text = row.text("reasoning_content") or row.text("reasoning")
    return [ReasoningPart(text)] if text else []


def _thinking_block(block: Row) -> ReasoningPart | None:
    """A block as Anthropic has it, and LiteLLM's clients give it back. A signature that does not say whose it is, is Anthropic's."""
    redacted = block.text("type") == "redacted_thinking"
    word = block.text("data" if redacted else "signature")
    text = "" if redacted else block.text("thinking")
    if not word:
        return ReasoningPart(text) if text else None
    found = read_opaque_word(word) or Opaque(word, ANTHROPIC)
    return ReasoningPart(text, found.opaque, found.origin, redacted)


def _tool_call(row: Row) -> ToolCallPart:
    if row.text("type") not in ("", "function"):
        raise unsupported(row.place("type"), "must be 'function': other tools are not known to this model")
    function = row.row("function")
    signature = read_signature(row)
    return ToolCallPart(
        row.text("id"),
        function.required_text("name"),
        _arguments(function),
        signature.opaque,
        signature.origin,
        row.mapping("cache_control"),
    )


def read_signature(call: Row) -> Opaque:
    """The signature that came back with a call; one that does not say whose it is, is Gemini's. Raises `InvalidRequest`."""
    word = call.row("extra_content").row(_GOOGLE).text(_THOUGHT_SIGNATURE)
    if not word:
        return Opaque()
    return read_opaque_word(word) or Opaque(word, "gemini")


def _arguments(function: Row) -> str:
    """The arguments as JSON text; some clients give back the object itself."""
    given = function.get("arguments")
    if type(given) is dict:
        try:
            return dumps_exact(given).decode()
        except TypeError:
            raise wrong_type(function.place("arguments"), "a string", given) from None
    return function.text("arguments")
