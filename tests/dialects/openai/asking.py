"""Canonical requests for tests, and what our egress makes of them."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.canonical.request import ChatRequest, Message, PromptRequest, Role, Sampling, TextPart, Tool, ToolCallPart, ToolResultPart
from proxy.dialects.openai import egress
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES, Profile
from proxy.routing import Route

WEATHER = Tool("get_weather", "Tells the weather", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})


def said(role: Role, *parts: Any, **fields: Any) -> Message:
    """A message; texts may stand for their parts."""
    return Message(role, tuple(TextPart(part) if isinstance(part, str) else part for part in parts), **fields)


def called(call_id: str, name: str = "get_weather", arguments: str = '{"city":"Oslo"}') -> ToolCallPart:
    return ToolCallPart(call_id, name, arguments)


def answered(call_id: str, *parts: Any, name: str = "get_weather", is_error: bool = False) -> Message:
    """The message with a tool's result."""
    texts = tuple(TextPart(part) if isinstance(part, str) else part for part in parts)
    return Message("tool", (ToolResultPart(call_id, name, texts, is_error=is_error),))


def a_chat_request(**changes: Any) -> ChatRequest:
    return ChatRequest(**{"model": "asked", "messages": (said("user", "Hello"),), **changes})


def a_prompt_request(**changes: Any) -> PromptRequest:
    return PromptRequest(**{"model": "asked", "prompt": "def f(", **changes})


def to(profile: Profile | str) -> Route:
    """The way to a server of that profile."""
    return Route("upstream", "asked", "sent", PROFILES[profile] if isinstance(profile, str) else profile)


def built(profile: Profile | str = "generic", **changes: Any) -> dict[str, Any]:
    """The body of a chat."""
    return body_of(egress.build_chat(a_chat_request(**changes), to(profile)).body)


def messages(*conversation: Message, profile: Profile | str = "generic") -> list[dict[str, Any]]:
    """The messages of a chat."""
    found: list[dict[str, Any]] = built(profile, messages=conversation)["messages"]
    return found


def sampled(profile: Profile | str, **sampling: Any) -> dict[str, Any]:
    """What a chat says of sampling: its body without model and messages."""
    body = built(profile, sampling=Sampling(**sampling))
    return {name: value for name, value in body.items() if name not in ("model", "messages")}


def body_of(body: bytes | None) -> dict[str, Any]:
    assert body is not None
    decoded: dict[str, Any] = orjson.loads(body)
    return decoded


def a_refusal(body: object, status: int = 400) -> UpstreamRefused:
    """The error that our reader makes of an upstream's error answer."""
    return egress.read_error(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))


def openai_refusal(message: str, param: str | None = None, code: str | None = None, status: int = 400) -> UpstreamRefused:
    """An error in OpenAI's shape."""
    return a_refusal({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}, status)
