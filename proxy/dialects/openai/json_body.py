"""Request bodies as bytes. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.errors import InvalidRequest


def dumps(body: dict[str, Any]) -> bytes:
    """The JSON text of a request, its keys in their order.

    Raises:
        InvalidRequest: something of what the client sent can't be written: half a character, a number beyond 64 bits, a hundred levels.
    """
    try:
        return orjson.dumps(body)
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise InvalidRequest(f"the request can't be written as JSON: {error}") from error
