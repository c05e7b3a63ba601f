"""Reads requests to `/api/generate`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.canonical.request import ChatRequest, Message, PromptRequest, TextPart
from proxy.dialect import Payload
from proxy.dialects.ollama.formats import response_format
from proxy.dialects.ollama.loading import extra_options, is_unload
from proxy.dialects.ollama.messages import content_parts
from proxy.dialects.ollama.naming import asked_model
from proxy.dialects.ollama.options import check_top_logprobs, read_options, sampling
from proxy.dialects.ollama.schemas import GENERATE
from proxy.errors import InvalidRequest, ModelNotFound

Row = Mapping[str, Any]


def parse_generate(payload: Payload) -> ChatRequest | PromptRequest:
    """A conversation of one turn; a plain continuation where `raw` or `suffix` asks for one. Without a prompt it is a load or unload: see
    `load_reason`. Raises `InvalidRequest`, and `ModelNotFound` when no model is named.
    """
    row = GENERATE.read(payload)
    check_top_logprobs(row)
    model = asked_model(row)
    if not model:
        raise ModelNotFound("")
    if not is_unload(row.get("prompt"), row):
        _check_raw(row)
    return _plain(model, row) if row.get("raw") or row.get("suffix") else _templated(model, row)


def _templated(model: str, row: Row) -> ChatRequest:
    options = read_options(row)
    messages = _turns(row)
    if messages and row.get("template"):
        raise InvalidRequest(
            "template is not supported: the upstream applies its own; leave it out, or send a finished prompt with raw",
            param="template",
        )
    return ChatRequest(
        model=model,
        messages=messages,
        stream=row.get("stream", True),
        response_format=response_format(row.get("format")) if messages else None,
        reasoning=row.get("think"),
        sampling=sampling(options, row),
        extra=extra_options(row, options),
    )


def _turns(row: Row) -> tuple[Message, ...]:
    """System and user turn; none when there is no prompt, whatever else there is."""
    if not row.get("prompt"):
        return ()
    user = Message("user", content_parts(row["prompt"], row.get("images", ()), "images"))
    return (Message("system", (TextPart(row["system"]),)), user) if row.get("system") else (user,)


def _plain(model: str, row: Row) -> PromptRequest:
    """The continuation. A `system` beside `suffix` is left out, as the templates of models that fill in the middle do."""
    options = read_options(row)
    prompt = row.get("prompt", "")
    if prompt:
        _check_plain(row)
    return PromptRequest(
        model=model,
        prompt=prompt,
        suffix=row.get("suffix") or None,
        stream=row.get("stream", True),
        sampling=sampling(options, row),
        extra=extra_options(row, options),
        is_finished=bool(row.get("raw")),
    )


def _check_raw(row: Row) -> None:
    if row.get("raw") and (row.get("template") or row.get("system") or row.get("context")):
        raise InvalidRequest("raw mode does not support template, system, or context", param="raw")


def _check_plain(row: Row) -> None:
    """What the upstream's completions endpoint has no place for must not get lost in silence."""
    for name in ("images", "template"):
        if row.get(name):
            raise InvalidRequest(f"{name} is not supported together with raw or suffix", param=name)
    if response_format(row.get("format")) is not None:
        raise InvalidRequest("format is not supported together with raw or suffix", param="format")
