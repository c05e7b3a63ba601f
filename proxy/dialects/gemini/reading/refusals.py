"""Gemini's errors -> `UpstreamRefused`: the usual shapes, and what only Google says. Pure.

Source: https://ai.google.dev/gemini-api/docs/troubleshooting, and https://google.aip.dev/193 for the details.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.errors import UpstreamRefused
from proxy.wire.error_messages import message_of
from proxy.wire.plain_words import plain
from proxy.wire.refusals import read_error as read_usual_error
from proxy.wire.refusals import refusal_in_answer as usual_refusal_in_answer

_TOO_LONG: Final = re.compile(
    r"input token count.{0,40}exceeds the maximum|exceeds the (?:maximum number of|input) tokens?|input context is too long", re.IGNORECASE
)
_NO_MODEL: Final = re.compile(r"\bmodels?/\S+ (?:is not found|does not exist|is no longer available)|unexpected model name", re.IGNORECASE)
_BAD_KEY: Final = re.compile(r"api key (?:not valid|expired|not found)", re.IGNORECASE)
_FOR_THE_DAY: Final = re.compile(r"PerDay|per day|prepayment credits|spend(?:ing)? (?:cap|limit)", re.IGNORECASE)


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
    """The error for an answer with an error status; also one that came as an array, as streams have them."""
    return _told(read_usual_error(status, headers, body), status)


def refusal_in_answer(record: Mapping[str, Any]) -> UpstreamRefused:
    """The error that stands in an answer with status 200."""
    error = usual_refusal_in_answer(record)
    return _told(error, error.status)


def _told(error: UpstreamRefused, status: int) -> UpstreamRefused:
    """`error` with the status and the code that Google's own words mean. Fields that it names are Gemini's, and say nothing to clients."""
    words = message_of(error.raw)
    error.param = None
    if status == 400 and (_has_reason(error.raw, "API_KEY_INVALID") or _BAD_KEY.search(words)):
        error.status, error.code = 401, "invalid_api_key"
    elif status in (400, 404) and _NO_MODEL.search(words):
        error.status, error.code, error.param = 404, "model_not_found", "model"
        error.message = plain(words)
    elif (status == 400 or status >= 500) and _TOO_LONG.search(words):
        error.status, error.code, error.is_requests_own = 400, "context_length_exceeded", True
    elif status == 429:
        # Its words are about plan and billing also where a minute's limit is meant.
        error.code = "insufficient_quota" if _is_spent(error) else "rate_limit_exceeded"
    error.args = (error.message,)
    return error


def _is_spent(error: UpstreamRefused) -> bool:
    """Whether waiting for a minute will not help."""
    quotas = [violation for detail in _details(error.raw) for violation in _violations(detail)]
    if not quotas:
        return bool(_FOR_THE_DAY.search(message_of(error.raw)))
    return any(_FOR_THE_DAY.search(str(quota.get("quotaId"))) or str(quota.get("quotaValue", "")) == "0" for quota in quotas)


def _has_reason(raw: object, reason: str) -> bool:
    return any(detail.get("reason") == reason for detail in _details(raw))


def _details(raw: object) -> Iterator[dict[str, Any]]:
    error = raw.get("error") if isinstance(raw, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    return (detail for detail in (details if isinstance(details, list) else ()) if isinstance(detail, dict))


def _violations(detail: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    violations = detail.get("violations")
    return (violation for violation in (violations if isinstance(violations, list) else ()) if isinstance(violation, dict))
