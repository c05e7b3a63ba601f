"""Canonical requests for tests, and what our egress makes of them for Ollama servers."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.canonical.request import ChatRequest, Message, PromptRequest, Role, Sampling, TextPart
from proxy.dialects.ollama import egress
from proxy.profiles import PROFILES, Profile
from proxy.routing import Route

NATIVE = PROFILES["ollama-native"]


def said(role: Role, *parts: Any) -> Message:
    """A message; texts may stand for their parts."""
    return Message(role, tuple(TextPart(part) if isinstance(part, str) else part for part in parts))


def to(profile: Profile = NATIVE) -> Route:
    """The way to an Ollama server."""
    return Route("upstream", "asked", "sent", profile)


def built(profile: Profile = NATIVE, **changes: Any) -> dict[str, Any]:
    """The body of a chat."""
    request = ChatRequest(**{"model": "asked", "messages": (said("user", "Hello"),), **changes})
    return body_of(egress.build_chat(request, to(profile)).body)


def beside_messages(profile: Profile = NATIVE, **changes: Any) -> dict[str, Any]:
    """What a chat says beside its messages, its model and that it is no stream."""
    body = built(profile, **changes)
    return {name: value for name, value in body.items() if name not in ("model", "messages", "stream")}


def messages(*conversation: Message) -> list[dict[str, Any]]:
    """The messages of a chat."""
    found: list[dict[str, Any]] = built(messages=conversation)["messages"]
    return found


def options(**sampling: Any) -> dict[str, Any]:
    """The options that a chat's sampling becomes."""
    return dict(beside_messages(sampling=Sampling(**sampling)).get("options", {}))


def prompted(**changes: Any) -> dict[str, Any]:
    """The body of a prompt."""
    return body_of(egress.build_prompt(PromptRequest(**{"model": "asked", "prompt": "def f(", **changes}), to()).body)


def body_of(body: bytes | None) -> dict[str, Any]:
    assert body is not None
    decoded: dict[str, Any] = orjson.loads(body)
    return decoded
