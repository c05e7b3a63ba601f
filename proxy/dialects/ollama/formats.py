"""Reads `format`. Pure."""

from __future__ import annotations

import orjson

from proxy.canonical.request import ResponseFormat
from proxy.errors import InvalidRequest
from proxy.wire.golang import quoted


def response_format(asked: object) -> ResponseFormat | None:
    """What the answer must look like; `None` for free text. Raises `InvalidRequest` with status 500: Ollama notices only at inference.

    Source: `llm/llama_server.go` llamaServerChatResponseFormat.
    """
    if asked is None or asked == "":
        return None
    if asked == "json":
        return ResponseFormat("json")
    if isinstance(asked, dict):
        return ResponseFormat("json_schema", schema=asked)
    shown = quoted(_json_text(asked))
    raise InvalidRequest(f'invalid format: {shown}; expected "json" or a valid JSON Schema object', status=500, param="format")


def _json_text(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return str(value)
