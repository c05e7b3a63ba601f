"""How OpenAI-compatible upstreams are asked and read: the front of this folder. Pure. See `proxy.dialect.Egress`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proxy.canonical.prompts import as_chat
from proxy.canonical.request import ChatRequest, PromptRequest
from proxy.canonical.shortening import shorten
from proxy.dialects.openai.embeddings import build_embeddings, read_embeddings
from proxy.dialects.openai.keys import key_headers
from proxy.dialects.openai.messages import Json, messages_json
from proxy.dialects.openai.models import build_models, read_models
from proxy.dialects.openai.parameters import (
    add_extras,
    add_format,
    add_logprobs,
    add_prefill,
    add_sampling,
    add_streaming,
    add_token_limit,
    add_tools,
)
from proxy.dialects.openai.reading import read_completion, read_error, stream_reader
from proxy.dialects.openai.reasoning import add_reasoning
from proxy.dialects.openai.repairs import repair
from proxy.errors import InvalidRequest
from proxy.routing import Route
from proxy.wire.json_body import dumps
from proxy.wire.messages import Purpose, UpstreamCall
from proxy.wire.token_counts import read_count

__all__ = [
    "build_chat",
    "build_count",
    "build_embeddings",
    "build_models",
    "build_prompt",
    "headers",
    "key_headers",
    "name",
    "next_models",
    "read_completion",
    "read_count",
    "read_embeddings",
    "read_error",
    "read_models",
    "repair",
    "shorten",
    "stream_reader",
]

name = "openai"
headers: Mapping[str, str] = {}


def build_chat(request: ChatRequest, route: Route) -> UpstreamCall:
    """The call for a chat, with only what `route.profile` says the server takes.

    Raises:
        InvalidRequest: the model takes no tools, or the request can't be written as JSON.
    """
    profile, sampling = route.profile, request.sampling
    body: Json = {"model": route.upstream_model, "messages": messages_json(request.messages, profile)}
    add_tools(body, request, profile)
    add_sampling(body, request, profile)
    add_token_limit(body, sampling, profile)
    add_logprobs(body, sampling, profile)
    add_format(body, request, profile)
    add_reasoning(body, request, profile)
    add_prefill(body, request, profile)
    add_extras(body, request, profile)
    add_streaming(body, request, profile)
    return UpstreamCall("/chat/completions", dumps(body), route.upstream_model, stream=request.stream)


def build_prompt(request: PromptRequest, route: Route) -> UpstreamCall:
    """The call for a plain continuation, which is a chat where the server knows nothing else.

    Raises:
        NotSupported: the text is a finished prompt, and the server only chats.
        InvalidRequest: it fills no gaps, or the request can't be written as JSON.
    """
    profile, sampling = route.profile, request.sampling
    if request.suffix is not None and not (profile.suffix and profile.prompt_path):
        raise InvalidRequest(f'"{request.model}" does not support insert', param="suffix")
    if not profile.prompt_path:
        return build_chat(as_chat(request), route)
    body: Json = {"model": route.upstream_model, "prompt": request.prompt}
    if request.suffix is not None:
        body["suffix"] = request.suffix
    add_sampling(body, request, profile)
    if sampling.max_tokens is not None:
        body["max_tokens"] = profile.answer_within(sampling.max_tokens)
    if sampling.logprobs and profile.logprobs:
        # Here it is the number of alternatives, and some servers take 0 for "none at all".
        body["logprobs"] = max(1, sampling.top_logprobs or 0)
    add_streaming(body, request, profile)
    return UpstreamCall(profile.prompt_path, dumps(body), route.upstream_model, stream=request.stream, purpose=Purpose.EXTRA)


def next_models(_: bytes) -> UpstreamCall | None:
    """No call: a list has one page."""
    return None


def build_count(request: ChatRequest, route: Route) -> UpstreamCall | None:
    """The call that counts the tokens of a chat, `None` where the server does not count."""
    path = route.profile.count_path
    return replace(build_chat(request, route), path=path, stream=False, purpose=Purpose.QUESTION) if path else None
