"""Errors as Anthropic tells them, by status or in the middle of a stream -> `UpstreamRefused`. Pure.

Source: https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from proxy.dialects.anthropic.told_errors import refusal_in_event
from proxy.errors import UpstreamRefused
from proxy.wire import refusals
from proxy.wire.headers import passed_on

_PASSED_ON: Final = ("request-id",)
# Statuses that are 400 and 503 to all other clients. Anthropic's have an exception for each, and may ask another model upon 529.
# Source: `_error_classes.py` and `lib/middleware/_fallbacks.py` of the SDK 2.12.0.
_OWN_STATUSES: Final = frozenset({422, 529})
_NO_MODEL: Final = re.compile(r"models?\b", re.IGNORECASE)
_NO_CREDIT: Final = re.compile(r"credit balance is too low|workspace api usage limits|spend limit", re.IGNORECASE)


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
    """The error for an answer with an error status, in whatever shape: what stands before a server has shapes of its own."""
    error = _told(refusals.read_error(status, headers, body))
    error.headers = {**error.headers, **passed_on(headers, _PASSED_ON)}
    if status in _OWN_STATUSES and error.code != "model_not_found" and not error.is_misnamed:
        error.own_status = status
    return error


def refusal_in_answer(record: Mapping[str, Any]) -> UpstreamRefused:
    """The error that stands in an answer with status 200."""
    return _told(refusal_in_event(record) if _type_of(record).endswith("_error") else refusals.refusal_in_answer(record))


def _told(error: UpstreamRefused) -> UpstreamRefused:
    """`error` with the reason in OpenAI's words, where Anthropic's own words give it away."""
    kind = _type_of(error.raw)
    words = _message_of(error.raw)
    if kind == "not_found_error" and error.code is None and _NO_MODEL.match(words):
        # "model: claude-2": else it says that there is no such URL.
        error.status, error.code, error.param = 404, "model_not_found", "model"
        error.message = refusals.described(words.encode())
    elif error.code is None and (kind == "billing_error" or _NO_CREDIT.search(words)):
        error.code = "insufficient_quota"
    return error


def _type_of(raw: object) -> str:
    error = raw.get("error") if isinstance(raw, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) else ""


def _message_of(raw: object) -> str:
    error = raw.get("error") if isinstance(raw, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else ""
