"""Errors in an answer with status 200: in an event of its stream, or in its body. They tell what they are, but no status. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxy.errors import UpstreamRefused
from proxy.wire.error_messages import message_of
from proxy.wire.plain_words import plain
from proxy.wire.refusal_reasons import reason_of
from proxy.wire.request_faults import blame_request

# The statuses that Anthropic answers with before a stream has begun. Where they mean something else to our clients, theirs.
# Source: https://platform.claude.com/docs/en/api/errors, read November 2026.
_STATUSES: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 503,
}


def refusal_in_event(record: object) -> UpstreamRefused:
    """The error that the data of an event, or a body, is."""
    told = record.get("error") if isinstance(record, dict) else None
    kind = told.get("type") if isinstance(told, dict) else None
    message = message_of(record)
    error = UpstreamRefused(
        plain(message) or "the upstream reported an error without saying which",
        status=_STATUSES.get(kind, 502) if isinstance(kind, str) else 502,
        upstream_status=200,
        code=reason_of(record, message),
        raw=record,
    )
    blame_request(error, error.status, message)
    return error
