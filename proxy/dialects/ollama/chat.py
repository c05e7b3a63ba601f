"""Reads requests to `/api/chat`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.canonical.request import ChatRequest, Tool
from proxy.dialect import Payload
from proxy.dialects.ollama.formats import response_format
from proxy.dialects.ollama.loading import extra_options
from proxy.dialects.ollama.messages import read_messages
from proxy.dialects.ollama.naming import required_model
from proxy.dialects.ollama.options import check_top_logprobs, read_options, sampling
from proxy.dialects.ollama.schemas import CHAT
from proxy.errors import InvalidRequest


def parse_chat(payload: Payload) -> ChatRequest:
    """The conversation to be continued. Without messages it is a load or unload: see `load_reason`. Raises `InvalidRequest`."""
    row = CHAT.read(payload)
    check_top_logprobs(row)
    model = required_model(row)
    options = read_options(row)
    messages = read_messages(row.get("messages", ()))
    return ChatRequest(
        model=model,
        messages=messages,
        stream=row.get("stream", True),
        tools=tuple(_tool(index, tool) for index, tool in enumerate(row.get("tools", ()))),
        response_format=response_format(row.get("format")) if messages else None,
        reasoning=row.get("think"),
        sampling=sampling(options, row),
        extra=extra_options(row, options),
    )


def _tool(index: int, row: Mapping[str, Any]) -> Tool:
    function = row.get("function", {})
    name = function.get("name", "")
    if not name:
        raise InvalidRequest(f"tools[{index}].function.name is missing", param="tools")
    return Tool(name, function.get("description", ""), function.get("parameters"), _strict(function, row), may_loosen=True)


def _strict(*rows: Mapping[str, Any]) -> bool | None:
    """OpenAI's word, which Ollama skips whatever it is: in the function, or beside it where some clients put it."""
    return next((row["strict"] for row in rows if isinstance(row.get("strict"), bool)), None)
