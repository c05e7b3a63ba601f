"""Errors as Anthropic's clients read them: the body of an answer, or the last event of a stream. Pure.

Clients choose their exception by the status, and act upon a few words: Claude Code shortens a conversation when it reads that the prompt is
too long. Only types of Anthropic's own list are told.
Source: `types/shared/error_object.py` of the SDK, and https://platform.claude.com/docs/en/api/errors, read November 2026.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from proxy.dialects.anthropic.sse_records import event
from proxy.errors import ProxyError, UpstreamRefused

_TYPES: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    501: "invalid_request_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OWN_TYPES: Final = frozenset({*_TYPES.values(), "invalid_request_error", "api_error"})
_TOO_LONG = "prompt is too long"


def render_error(error: ProxyError, request_id: str = "") -> bytes:
    """The body of an error answer.

    Args:
        request_id: what clients show to those who look into the log; it stands in a header too.
    """
    body: dict[str, Any] = {"type": "error", "error": _error_object(error)}
    return orjson.dumps(body | {"request_id": request_id} if request_id else body)


def error_event(error: ProxyError) -> bytes:
    """The last event of a stream that failed. Neither `message_delta` nor `message_stop` follows: the message has not ended."""
    return event("error", {"type": "error", "error": _error_object(error)})


def _error_object(error: ProxyError) -> dict[str, str]:
    return {"type": _type(error), "message": _message(error)}


def _type(error: ProxyError) -> str:
    own = _own_type(error)
    if own:
        return own
    return _TYPES.get(error.status) or ("invalid_request_error" if 400 <= error.status < 500 else "api_error")


def _own_type(error: ProxyError) -> str:
    """The type that an upstream of this dialect gave, `""` for others: those use some of the words for something else."""
    raw = error.raw if isinstance(error, UpstreamRefused) and not error.is_misnamed else None
    inner = raw.get("error") if isinstance(raw, dict) and raw.get("type") == "error" else None
    told = inner.get("type") if isinstance(inner, dict) else None
    return told if isinstance(told, str) and told in _OWN_TYPES else ""


def _message(error: ProxyError) -> str:
    if error.code == "context_length_exceeded" and _TOO_LONG not in error.message.lower():
        return f"{_TOO_LONG}: {error.message}"
    return error.message
