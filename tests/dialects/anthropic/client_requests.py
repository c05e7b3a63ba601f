"""Requests to `/v1/messages` for tests: their blocks, and what our reader makes of them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from proxy.canonical.request import ChatRequest, Message
from proxy.dialects.anthropic.parsing import parse_messages
from proxy.errors import InvalidRequest

PNG = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
PDF = b64encode(b"%PDF-1.7" + bytes(40)).decode()
CACHE = {"type": "ephemeral"}
FUNCTION = {"name": "f", "input_schema": {"type": "object"}}


def parsed(**changes: Any) -> ChatRequest:
    usual = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return parse_messages({**usual, **changes})


def user(*blocks: Any) -> tuple[Message, ...]:
    return parsed(messages=[{"role": "user", "content": list(blocks)}]).messages


def turns(*rows: tuple[str, Any], **changes: Any) -> tuple[Message, ...]:
    return parsed(messages=[{"role": role, "content": content} for role, content in rows], **changes).messages


def refused(**changes: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        parsed(**changes)
    return caught.value.message


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def result(call_id: str, content: Any = "done", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def call(call_id: str, name: str = "f", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
