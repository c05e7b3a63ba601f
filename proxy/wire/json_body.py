"""Request bodies as bytes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.errors import InvalidRequest
from proxy.wire import large_json


def dumps(body: Mapping[str, Any]) -> bytes:
    """The JSON text of a request, or of an object in it, its keys in their order.

    Raises:
        InvalidRequest: something of what the client sent can't be written: half a character, a few hundred levels.
    """
    try:
        return large_json.dumps(body)
    except (TypeError, RecursionError) as error:
        raise InvalidRequest(f"the request can't be written as JSON: {error}") from error
