"""Chats as OpenAI's clients send them, and what is read of them for upstreams of other dialects."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.request import Message
from proxy.dialects.openai.asking.wishes import AskedChat
from proxy.dialects.openai.ingress import CHAT_TRANSLATED
from proxy.errors import InvalidRequest

HELLO: list[Any] = [{"role": "user", "content": "hi"}]
F: dict[str, Any] = {"type": "function", "function": {"name": "f"}}
G: dict[str, Any] = {"type": "function", "function": {"name": "g", "description": "G", "parameters": {"type": "object"}, "strict": True}}


def asked(**payload: Any) -> AskedChat:
    request = CHAT_TRANSLATED.parse({"model": "m", "messages": HELLO, **payload})
    assert isinstance(request, AskedChat)
    return request


def conversation(*messages: Any) -> tuple[Message, ...]:
    return asked(messages=list(messages)).messages


def parts(*content: Any) -> tuple[Any, ...]:
    return conversation({"role": "user", "content": list(content)})[0].parts


def refused(**payload: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        asked(**payload)
    return caught.value
