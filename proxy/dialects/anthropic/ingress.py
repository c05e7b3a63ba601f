"""Anthropic's endpoints as values: how each is read and answered. Pure."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from proxy.canonical.catalog import ModelCard
from proxy.canonical.request import ChatRequest
from proxy.dialect import CountEndpoint, RelayEndpoint, TextEndpoint, TextRequest
from proxy.dialects.anthropic.affinity import affinity_key
from proxy.dialects.anthropic.beginning import begins
from proxy.dialects.anthropic.failures import render_error
from proxy.dialects.anthropic.foreign_state import without_foreign_thoughts
from proxy.dialects.anthropic.model_list import Page, parse_page, render_model, render_models
from proxy.dialects.anthropic.parsing import parse_count, parse_messages
from proxy.dialects.anthropic.relay import MessageRelay, usage_of
from proxy.dialects.anthropic.rendering import MessageStreamRenderer, render_message, render_remembered
from proxy.dialects.anthropic.sse_records import PING
from proxy.dialects.anthropic.token_estimate import estimated_tokens, estimated_tokens_unread
from proxy.errors import InvalidRequest
from proxy.wire.messages import Purpose
from proxy.wire.refusals import misfit_without, refusal_in_whole

__all__ = ["COUNT", "COUNT_RELAY", "MESSAGES", "MESSAGES_RELAY", "Page", "parse_page", "render_error", "render_model", "render_models"]

JSON = "application/json"
PASSED_HEADERS = ("anthropic-version", "anthropic-beta")
# `?beta=true`, with which the SDK and Claude Code ask for what is not final yet.
_PASSED_QUERY = ("beta",)
_ANSWER_HEADERS = ("retry-after", "request-id")


def admit(request: TextRequest, card: ModelCard | None) -> None:
    """Raises `InvalidRequest` when the card says that the model can't chat or use tools. One that can't think answers without."""
    if card is None or card.capabilities is None:
        return
    if "completion" not in card.capabilities:
        raise InvalidRequest(f"model: '{request.model}' does not support messages", param="model")
    if isinstance(request, ChatRequest) and request.tools and "tools" not in card.capabilities:
        raise InvalidRequest(f"tools: '{request.model}' does not support tools", param="tools")


def render_count(tokens: int) -> bytes:
    """The answer of `/v1/messages/count_tokens`."""
    return orjson.dumps({"input_tokens": tokens})


def _relay_endpoint(name: str, path: str, **more: Any) -> RelayEndpoint:
    return RelayEndpoint(
        name,
        "anthropic",
        path,
        MessageRelay,
        begins,
        PING,
        usage_of,
        affinity_key,
        render_error,
        passed_headers=PASSED_HEADERS,
        passed_query=_PASSED_QUERY,
        answer_headers=_ANSWER_HEADERS,
        pruned=without_foreign_thoughts,
        refusal_in=partial(refusal_in_whole, answers=("content", "input_tokens")),
        misfit_in=partial(misfit_without, names=(b'"content"', b'"input_tokens"')),
        **more,
    )


MESSAGES = TextEndpoint(
    name="anthropic.messages",
    parse=parse_messages,
    answer_locally=render_remembered,
    admit=admit,
    stream_renderer=MessageStreamRenderer,
    render_completion=render_message,
    render_error=render_error,
    stream_type="text/event-stream; charset=utf-8",
    whole_type=JSON,
)
COUNT = CountEndpoint(
    name="anthropic.count_tokens",
    parse=parse_count,
    estimate=estimated_tokens,
    estimate_unread=estimated_tokens_unread,
    render_count=render_count,
    render_error=render_error,
    whole_type=JSON,
)
MESSAGES_RELAY = _relay_endpoint(MESSAGES.name, "/v1/messages")
# Not all servers that speak Anthropic's language can count.
COUNT_RELAY = _relay_endpoint(COUNT.name, "/v1/messages/count_tokens", purpose=Purpose.QUESTION, is_optional=True)
