"""How Gemini's servers are asked and read: the front of this folder. Pure. See `proxy.dialect.Egress`.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.canonical.prompts import as_chat
from proxy.canonical.request import ChatRequest, PromptRequest
from proxy.canonical.shortening import shorten
from proxy.dialects.gemini.contents import contents_json
from proxy.dialects.gemini.counting import count_call, read_count
from proxy.dialects.gemini.embeddings import build_embeddings, read_embeddings
from proxy.dialects.gemini.media import Json
from proxy.dialects.gemini.models import build_models, next_models, read_models
from proxy.dialects.gemini.names import resource_of
from proxy.dialects.gemini.parameters import add_generation, add_options, add_tools
from proxy.dialects.gemini.reading import read_completion, read_error, stream_reader
from proxy.dialects.gemini.repairs import repair
from proxy.errors import InvalidRequest
from proxy.routing import Route
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

name = "gemini"

headers: Final[Mapping[str, str]] = MappingProxyType({})


def key_headers(key: str, host: str) -> dict[str, str]:
    """The header that shows `key`, the same for all hosts."""
    return {"x-goog-api-key": key} if key else {}


def build_chat(request: ChatRequest, route: Route) -> UpstreamCall:
    """The call for a chat, with only what `route.profile` says the model takes.

    Raises:
        InvalidRequest: the model takes no tools, or the request can't be written as JSON.
    """
    model = resource_of(route.upstream_model)
    body = dumps(_body(request, route))
    if request.stream and route.profile.streams != "none":
        return UpstreamCall(f"/v1beta/{model}:streamGenerateContent", body, route.upstream_model, stream=True, query="alt=sse")
    return UpstreamCall(f"/v1beta/{model}:generateContent", body, route.upstream_model, stream=request.stream)


def build_prompt(request: PromptRequest, route: Route) -> UpstreamCall:
    """The call for a plain continuation: what Gemini answers to the text as a user's words is as near to it as can be had.

    Raises:
        NotSupported: the text is a finished prompt.
        InvalidRequest: there is a gap to be filled.
    """
    return build_chat(as_chat(request), route)


def build_count(request: ChatRequest, route: Route) -> UpstreamCall | None:
    """The call that counts the tokens of a request. Raises `InvalidRequest` as `build_chat` does."""
    asked = _body(request, route)
    asked.pop("generationConfig", None)
    return count_call(asked, route)


def _body(request: ChatRequest, route: Route) -> Json:
    profile = route.profile
    try:
        system, contents = contents_json(request.messages, profile)
        body: Json = {}
        instruction = add_generation(body, request, profile)
        add_tools(body, request, profile)
        add_options(body, request, profile)
    except RecursionError as error:
        raise InvalidRequest("the request is nested too deeply") from error
    if instruction and profile.system:
        system.append({"text": instruction})
    elif instruction:
        contents[0]["parts"].insert(0, {"text": instruction})
    return ({"systemInstruction": {"parts": system}} if system else {}) | {"contents": contents} | body
