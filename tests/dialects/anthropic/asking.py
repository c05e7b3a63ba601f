"""Canonical requests for tests, what our egress makes of them, and a judge of that: the vendor's own types, and the rules of its API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import orjson
from anthropic.types import (
    DocumentBlockParam,
    ImageBlockParam,
    RedactedThinkingBlockParam,
    TextBlockParam,
    ThinkingBlockParam,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlockParam,
)
from anthropic.types.message_create_params import MessageCreateParamsBase

from proxy.canonical.request import ChatRequest, Message, Role, Sampling, TextPart, Tool, ToolCallPart, ToolResultPart
from proxy.dialects.anthropic import egress
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES, Profile
from proxy.routing import Route

WEATHER = Tool("get_weather", "Tells the weather", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
NEWEST = "claude-5"

_BLOCKS: dict[str, Any] = {
    "text": TextBlockParam,
    "image": ImageBlockParam,
    "document": DocumentBlockParam,
    "tool_use": ToolUseBlockParam,
    "tool_result": ToolResultBlockParam,
    "thinking": ThinkingBlockParam,
    "redacted_thinking": RedactedThinkingBlockParam,
}
# Newer models don't take these, so that the newest SDK does not name them.
_OLDER_FIELDS = {"temperature", "top_p", "top_k"}
THOUGHTS = ("thinking", "redacted_thinking")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def said(role: Role, *parts: Any) -> Message:
    """A message; texts may stand for their parts."""
    return Message(role, tuple(TextPart(part) if isinstance(part, str) else part for part in parts))


def called(call_id: str, name: str = "get_weather", arguments: str = '{"city":"Oslo"}') -> ToolCallPart:
    return ToolCallPart(call_id, name, arguments)


def answered(call_id: str, *parts: Any, name: str = "get_weather", is_error: bool = False) -> Message:
    """The message with a tool's result."""
    texts = tuple(TextPart(part) if isinstance(part, str) else part for part in parts)
    return Message("tool", (ToolResultPart(call_id, name, texts, is_error=is_error),))


def a_chat(**changes: Any) -> ChatRequest:
    return ChatRequest(**{"model": "asked", "messages": (said("user", "Hello"),), **changes})


def to(profile: Profile | str) -> Route:
    """The way to a server of that profile."""
    return Route("upstream", "asked", "sent", PROFILES[profile] if isinstance(profile, str) else profile)


def built(profile: Profile | str = "anthropic", **changes: Any) -> dict[str, Any]:
    """The body of a chat, found good by the judge."""
    body = orjson.loads(egress.build_chat(a_chat(**changes), to(profile)).body or b"")
    judge(body)
    assert isinstance(body, dict)
    return body


def messages(*conversation: Message, profile: Profile | str = "anthropic", **changes: Any) -> list[dict[str, Any]]:
    """The messages of a chat."""
    found: list[dict[str, Any]] = built(profile, messages=conversation, **changes)["messages"]
    return found


def sampled(profile: Profile | str, **sampling: Any) -> dict[str, Any]:
    """What a chat says of sampling: its body without model and messages."""
    body = built(profile, sampling=Sampling(**sampling))
    return {name: value for name, value in body.items() if name not in ("model", "messages")}


def claude_refusal(message: str, kind: str = "invalid_request_error", status: int = 400) -> UpstreamRefused:
    """The error that our reader makes of an error in Anthropic's shape."""
    return egress.read_error(
        status, {}, orjson.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})
    )


def judge(body: Mapping[str, Any]) -> None:
    """Whether Anthropic would take a request, as far as its SDK and its error messages tell."""
    _judge_fields(body, MessageCreateParamsBase, {"stream", *_OLDER_FIELDS})
    assert body["max_tokens"] >= 1
    for tool in body.get("tools", ()):
        _judge_fields(tool, ToolParam)
        assert _NAME.fullmatch(tool["name"])
        assert tool["input_schema"]["type"] == "object"
        assert not tool["input_schema"].keys() & {"anyOf", "oneOf", "allOf"}
    names = [tool["name"] for tool in body.get("tools", ())]
    assert len(set(names)) == len(names)
    choice = body.get("tool_choice", {"type": "auto"})
    assert names or choice == {"type": "auto"}
    assert choice["type"] != "tool" or choice["name"] in names
    for block in body.get("system", ()):
        _judge_block(block)
    _judge_messages(body["messages"], has_tools=bool(names))
    _judge_thinking(body, choice)


def _judge_thinking(body: Mapping[str, Any], choice: Mapping[str, Any]) -> None:
    thinking = body.get("thinking", {"type": "disabled"})
    if thinking["type"] == "disabled":
        final = body["messages"][-1]
        # Thoughts that nobody signed go to servers of other makers.
        thoughts = [block for block in final["content"] if block["type"] in THOUGHTS and block.get("signature") != ""]
        assert not thoughts, "When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`."
        return
    assert choice["type"] in ("auto", "none"), "Thinking may not be enabled when tool_choice forces tool use."
    assert not body.keys() & _OLDER_FIELDS
    if thinking["type"] == "enabled":
        assert 1024 <= thinking["budget_tokens"] < body["max_tokens"]
        assert body["messages"][-1]["role"] != "assistant"


def _judge_messages(conversation: list[dict[str, Any]], *, has_tools: bool) -> None:
    assert conversation[0]["role"] == "user"
    ids: set[str] = set()
    waiting: list[str] = []
    roles = [message["role"] for message in conversation]
    assert all(role != after for role, after in pairwise(roles))
    for message in conversation:
        assert message.keys() == {"role", "content"}
        assert message["content"]
        assert message["content"][-1]["type"] not in THOUGHTS, "The final block cannot be `thinking`"
        results = [block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"]
        assert sorted(results) == sorted(waiting), "every call is answered in the next message, and nothing else is"
        assert all(block["type"] == "tool_result" for block in message["content"][: len(results)])
        waiting = []
        for block in message["content"]:
            _judge_block(block)
            if block["type"] == "tool_use":
                assert message["role"] == "assistant"
                assert has_tools
                assert _NAME.fullmatch(block["id"])
                assert block["id"] not in ids
                assert isinstance(block["input"], dict)
                ids.add(block["id"])
                waiting.append(block["id"])
    assert not waiting
    last = conversation[-1]["content"][-1]
    assert conversation[-1]["role"] != "assistant" or last["text"] == last["text"].rstrip()


def _judge_block(block: dict[str, Any]) -> None:
    _judge_fields(block, _BLOCKS[block["type"]])
    if block["type"] == "text":
        assert block["text"].strip(), "text content blocks must contain non-whitespace text"
    for inner in block.get("content", ()):
        _judge_block(inner)
        assert not block.get("is_error") or inner["type"] == "text", "all content must be type `text` if `is_error` is true"


def _judge_fields(value: Mapping[str, Any], kind: Any, more: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    assert kind.__required_keys__ <= value.keys()
    assert value.keys() <= kind.__required_keys__ | kind.__optional_keys__ | more
