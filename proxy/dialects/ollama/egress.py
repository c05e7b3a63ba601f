"""How Ollama servers are asked and read, in their own language: the front of `building` and `reading`. Pure. See `proxy.dialect.Egress`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.canonical.google_options import refuse_cached_content
from proxy.canonical.request import ChatRequest, PromptRequest
from proxy.canonical.shortening import shorten
from proxy.dialects.ollama.building.embeddings import build_embeddings
from proxy.dialects.ollama.building.messages import Json, messages_json
from proxy.dialects.ollama.building.parameters import add_format, add_options, add_thinking, add_tools
from proxy.dialects.ollama.reading import read_completion, stream_reader
from proxy.dialects.ollama.reading.embeddings import read_embeddings
from proxy.dialects.ollama.reading.models import read_models
from proxy.dialects.ollama.reading.refusals import read_error
from proxy.dialects.ollama.repairs import repair
from proxy.errors import InvalidRequest, UpstreamBroken
from proxy.routing import Route
from proxy.wire.headers import bearer
from proxy.wire.json_body import dumps
from proxy.wire.messages import UpstreamCall

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

name = "ollama"

headers: Final[Mapping[str, str]] = MappingProxyType({})


def key_headers(key: str, host: str) -> dict[str, str]:
    """The headers that show `key`: Ollama itself asks for none but at ollama.com, and proxies in front of it take what OpenAI takes."""
    return bearer(key)


def build_chat(request: ChatRequest, route: Route) -> UpstreamCall:
    """The call for a chat.

    Raises:
        InvalidRequest: Ollama cannot do what is asked for, or would only load the model; or the request can't be written as JSON.
    """
    refuse_cached_content(request.extra)
    if not request.messages:
        raise InvalidRequest("messages must not be empty", param="messages")
    body: Json = {"model": route.upstream_model, "messages": messages_json(request.messages), "stream": request.stream}
    add_tools(body, request, route.profile)
    add_format(body, request)
    add_thinking(body, request, route.profile)
    add_options(body, request, route.profile)
    return UpstreamCall("/api/chat", dumps(body), route.upstream_model, stream=request.stream)


def build_prompt(request: PromptRequest, route: Route) -> UpstreamCall:
    """The call for a plain continuation: the model's template is left out, unless it is what fills a gap before a suffix.

    Raises:
        InvalidRequest: there is no prompt, with which Ollama would only load the model; or the request can't be written as JSON.
    """
    refuse_cached_content(request.extra)
    if not request.prompt:
        raise InvalidRequest("prompt must not be empty: an Ollama server would continue nothing", param="prompt")
    body: Json = {"model": route.upstream_model, "prompt": request.prompt, "stream": request.stream}
    if request.suffix:
        body["suffix"] = request.suffix
    else:
        body["raw"] = True
    add_options(body, request, route.profile)
    return UpstreamCall("/api/generate", dumps(body), route.upstream_model, stream=request.stream)


def build_models() -> UpstreamCall:
    """The call for the model list."""
    return UpstreamCall("/api/tags", method="GET")


def next_models(body: bytes) -> UpstreamCall | None:
    """Nothing: the list has one page."""
    return None


def build_count(request: ChatRequest, route: Route) -> UpstreamCall | None:
    """Nothing: Ollama does not count the tokens of what it is not asked to answer."""
    return None


def read_count(body: bytes) -> int:
    """Never a number: see `build_count`."""
    raise UpstreamBroken("Ollama servers do not count tokens")
