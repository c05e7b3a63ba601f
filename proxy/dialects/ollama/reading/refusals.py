"""Error answers of Ollama servers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from proxy.errors import UpstreamRefused
from proxy.wire import refusals
from proxy.wire.error_messages import message_of
from proxy.wire.model_faults import is_of_models_words


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
    """The upstream's error answer. That there is no such blob is told without a body: it was asked for by HEAD."""
    if status == HTTPStatus.NOT_FOUND and not body and "json" in headers.get("content-type", ""):
        return UpstreamRefused("the upstream has no such thing", status=status)
    return _told(refusals.read_error(status, headers, body))


def refusal_in_answer(record: Mapping[str, Any]) -> UpstreamRefused:
    """The error that stands in an answer with status 200: in its body, or in a line of its stream."""
    return _told(refusals.refusal_in_answer(record))


def _told(error: UpstreamRefused) -> UpstreamRefused:
    """The error, the model's own where Ollama could not read what that wrote: there is nobody behind it who could have written it."""
    if error.status in (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY) and not error.is_models_own:
        error.is_models_own = is_of_models_words(message_of(error.raw), is_ollamas=True)
    return error
