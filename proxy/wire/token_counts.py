"""The answer of servers that count the tokens of a request: `{"input_tokens": 42}`, Anthropic's and llama.cpp's. Pure."""

from __future__ import annotations

import orjson

from proxy.errors import UpstreamBroken
from proxy.wire.counts import whole_count


def read_count(body: bytes) -> int:
    """The number of tokens. Raises `UpstreamBroken` when the body tells none."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _no_count() from error
    count = payload.get("input_tokens") if isinstance(payload, dict) else None
    if type(count) is not int or whole_count(count) is None:
        raise _no_count()
    return count


def _no_count() -> UpstreamBroken:
    return UpstreamBroken("the upstream's answer holds no count of tokens")
