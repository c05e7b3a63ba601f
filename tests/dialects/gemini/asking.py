"""What our egress makes of canonical requests, judged by the types of Google's own library."""

from __future__ import annotations

from typing import Any

import orjson
from google.genai import types

from proxy.canonical.google_options import GOOGLE_OPTIONS
from proxy.canonical.request import ChatRequest, Message, Role, Sampling, TextPart, Tool, ToolCallPart, ToolResultPart
from proxy.dialects.gemini import egress
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES, Profile
from proxy.routing import Route

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("get_weather", "Tells the weather", CITY)
# Base64, as all signatures are.
SIGNATURE = "U0lH"


def said(role: Role, *parts: Any, **fields: Any) -> Message:
    """A message; texts may stand for their parts."""
    return Message(role, tuple(TextPart(part) if isinstance(part, str) else part for part in parts), **fields)


def called(call_id: str, name: str = "get_weather", arguments: str = '{"city":"Oslo"}', **opaque: str) -> ToolCallPart:
    return ToolCallPart(call_id, name, arguments, **opaque)


def answered(call_id: str, *parts: Any, name: str = "get_weather", is_error: bool = False) -> Message:
    """The message with a tool's result."""
    texts = tuple(TextPart(part) if isinstance(part, str) else part for part in parts)
    return Message("tool", (ToolResultPart(call_id, name, texts, is_error=is_error),))


def a_chat_request(**changes: Any) -> ChatRequest:
    return ChatRequest(**{"model": "asked", "messages": (said("user", "Hello"),), **changes})


def to(profile: Profile | str = "gemini", model: str = "gemini-3-flash") -> Route:
    """The way to a model of that profile."""
    return Route("upstream", "asked", model, PROFILES[profile] if isinstance(profile, str) else profile)


def built(profile: Profile | str = "gemini", **changes: Any) -> dict[str, Any]:
    """The body of a chat, which Google's types must take."""
    body = body_of(egress.build_chat(a_chat_request(**changes), to(profile)).body)
    judge(body)
    return body


def contents(*conversation: Message, profile: Profile | str = "gemini") -> list[dict[str, Any]]:
    """The contents of a chat."""
    found: list[dict[str, Any]] = built(profile, messages=conversation)["contents"]
    return found


def config(profile: Profile | str = "gemini", **changes: Any) -> dict[str, Any]:
    """What a chat says of how to answer."""
    found: dict[str, Any] = built(profile, **changes).get("generationConfig", {})
    return found


def sampled(profile: Profile | str = "gemini", **sampling: Any) -> dict[str, Any]:
    return config(profile, sampling=Sampling(**sampling))


def judge(body: dict[str, Any]) -> None:
    """Raises when a field is none of Google's, or has another type there. Their models forbid what they do not know."""
    assert body.keys() <= {"systemInstruction", "contents", "tools", "toolConfig", "generationConfig", *GOOGLE_OPTIONS}
    for content in (*body["contents"], body.get("systemInstruction", {})):
        types.Content.model_validate(content)
    for tool in body.get("tools", []):
        types.Tool.model_validate(tool)
    types.ToolConfig.model_validate(body.get("toolConfig", {}))
    types.GenerateContentConfig.model_validate({name: body[name] for name in GOOGLE_OPTIONS if name in body})
    types.GenerationConfig.model_validate(body.get("generationConfig", {}))


def body_of(body: bytes | None) -> dict[str, Any]:
    assert body is not None
    decoded: dict[str, Any] = orjson.loads(body)
    return decoded


def a_refusal(message: str, status: int = 400, word: str = "INVALID_ARGUMENT", details: list[Any] | None = None) -> UpstreamRefused:
    """The error that our reader makes of Google's."""
    error = {"code": status, "message": message, "status": word} | ({"details": details} if details is not None else {})
    return egress.read_error(status, {}, orjson.dumps({"error": error}))
