"""Reads `system` and `messages`: a conversation in the order that upstreams insist on. Pure."""

from __future__ import annotations

from dataclasses import replace

from proxy.canonical.conversation import Conversation
from proxy.canonical.request import FilePart, ImagePart, Message, Part, TextPart, ToolCallPart, ToolResultPart
from proxy.dialects.anthropic.billing import is_billing
from proxy.dialects.anthropic.parsing.blocks import IN_SYSTEM, OF_ASSISTANTS, OF_USERS, read_block, read_content, read_result
from proxy.dialects.anthropic.parsing.rows import Row

_MAY_BE_CACHED = (TextPart, ImagePart, FilePart, ToolCallPart, ToolResultPart)


def read_messages(request: Row) -> tuple[Message, ...]:
    """The conversation, system prompt first. Raises `InvalidRequest`."""
    rows = request.rows("messages")
    if not rows:
        raise request.refuse("messages", "at least one message is required" if request.has("messages") else "Field required")
    conversation = Conversation(pairs_by_place=False)
    _add_system(request, "system", conversation)
    for row in rows:
        _add(row, conversation)
    return _with_cache_hint(conversation.end(), request)


def _add(row: Row, conversation: Conversation) -> None:
    role = row.text("role")
    if role not in ("user", "assistant", "system"):
        raise row.refuse("role", "Input should be 'user' or 'assistant'")
    if not row.has("content"):
        raise row.refuse("content", "Field required")
    if role == "user":
        _add_user(row, conversation)
    elif role == "system":
        _add_system(row, "content", conversation)
    else:
        parts = read_content(row, OF_ASSISTANTS)
        if parts:
            conversation.add_assistant(Message("assistant", tuple(parts)))


def _add_user(row: Row, conversation: Conversation) -> None:
    """Results of tools, what the user said, and what the system says in between, each as a message of its own."""
    content = row.raw("content")
    if not content:
        raise row.refuse("content", "user messages must have non-empty content")
    if type(content) is str:
        conversation.add(Message("user", (TextPart(content),)))
        return
    said: list[Part] = []
    for block in row.rows("content"):
        kind = block.raw("type")
        if kind == "tool_result":
            conversation.add_result(read_result(block))
        elif kind == "mid_conv_system":
            _add_said(said, conversation)
            said = []
            _add_system(block, "content", conversation)
        else:
            said += read_block(block, OF_USERS, ("tool_result",))
    _add_said(said, conversation)


def _add_said(said: list[Part], conversation: Conversation) -> None:
    if said:
        conversation.add(Message("user", tuple(said)))


def _add_system(row: Row, field: str, conversation: Conversation) -> None:
    prompt = row.raw(field)
    if type(prompt) is str:
        parts: list[Part] = [TextPart(prompt)] if prompt else []
    else:
        parts = [part for block in row.rows(field) for part in read_block(block, IN_SYSTEM)]
    parts = [part for part in parts if not (isinstance(part, TextPart) and is_billing(part.text))]
    if parts:
        conversation.add(Message("system", tuple(parts)))


def _with_cache_hint(messages: tuple[Message, ...], request: Row) -> tuple[Message, ...]:
    """The messages, with the request's own `cache_control` on the last block, where Anthropic's server puts it."""
    cache_hint = request.members("cache_control")
    if cache_hint is None or not messages:
        return messages
    *parts, last = messages[-1].parts
    if not isinstance(last, _MAY_BE_CACHED) or last.cache_hint is not None:
        return messages
    return (*messages[:-1], replace(messages[-1], parts=(*parts, replace(last, cache_hint=cache_hint))))
