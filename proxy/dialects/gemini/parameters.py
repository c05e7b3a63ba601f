"""Everything in a request but its messages: sampling, tools, format, thinking. What a profile does not name is not sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from proxy.canonical.format_words import in_words
from proxy.canonical.google_options import GOOGLE_OPTIONS
from proxy.canonical.openai_options import OPENAIS_TIERS
from proxy.canonical.request import ChatRequest, Tool
from proxy.dialects.gemini.json_schema import tidied
from proxy.dialects.gemini.media import Json
from proxy.dialects.gemini.names import wire_name
from proxy.dialects.gemini.sanitiser import sanitised
from proxy.dialects.gemini.thinking import thinking_json
from proxy.errors import InvalidRequest
from proxy.profiles import Profile

_MODES: Final = {"none": "NONE", "auto": "AUTO", "required": "ANY"}
_SEEDS: Final = 2**31  # the field is a signed integer of 32 bits
_MAX_TOP_LOGPROBS: Final = 20
# What says nothing of arguments where there are no properties.
_MUTE: Final = frozenset({"type", "properties", "required", "title", "$schema"})


def add_generation(body: Json, request: ChatRequest, profile: Profile) -> str:
    """Adds the `generationConfig`, if there is anything to say in it. What the model must be told in words, `""` for nothing."""
    config: Json = {}
    _add_sampling(config, request, profile)
    words = _add_format(config, request, profile)
    thinking = thinking_json(request, profile)
    if thinking:
        config["thinkingConfig"] = thinking
    if config:
        body["generationConfig"] = config
    return words


def add_options(body: Json, request: ChatRequest, profile: Profile) -> None:
    """What stands beside the `generationConfig`, as the client said it."""
    for name in GOOGLE_OPTIONS:
        if name in request.extra and not profile.leaves_out(name) and request.extra[name] not in OPENAIS_TIERS:
            body[name] = request.extra[name]


def _add_sampling(config: Json, request: ChatRequest, profile: Profile) -> None:
    sampling = request.sampling
    for ours, wire in profile.sent:
        value = getattr(sampling, ours, None)
        if value is not None:
            config[wire] = value % _SEEDS if ours == "seed" and not -_SEEDS <= value < _SEEDS else value
    if sampling.max_tokens is not None:
        config["maxOutputTokens"] = profile.answer_within(sampling.max_tokens)
    stops = sampling.stop if profile.stop_limit is None else sampling.stop[: profile.stop_limit]
    if stops:
        config["stopSequences"] = list(stops)
    if sampling.logprobs and profile.logprobs:
        config["responseLogprobs"] = True
        if sampling.top_logprobs:
            config["logprobs"] = min(sampling.top_logprobs, _MAX_TOP_LOGPROBS)


def _add_format(config: Json, request: ChatRequest, profile: Profile) -> str:
    """What the answer must look like: as a constraint where the model knows one, else in words, which come back."""
    wanted = request.response_format
    if wanted is None:
        return ""
    by_schema = wanted.kind == "json_schema" and wanted.schema is not None
    if profile.json_mode == "prompt" or (request.tools and not profile.format_with_tools):
        return in_words(wanted, with_tools=bool(request.tools))
    config["responseMimeType"] = "application/json"
    if wanted.schema is None or not by_schema:
        return ""
    if not profile.json_schema:
        return in_words(wanted, with_tools=bool(request.tools))
    if profile.schemas == "json":
        config["responseJsonSchema"] = tidied(wanted.schema)
    else:
        config["responseSchema"] = sanitised(wanted.schema)
    return ""


def add_tools(body: Json, request: ChatRequest, profile: Profile) -> None:
    """What the model may call, and whether it must. Nothing of this without tools.

    Raises:
        InvalidRequest: the model takes no tools, or the name of one can't be sent.
    """
    if not request.tools:
        return
    if not profile.tools:
        raise InvalidRequest(f'"{request.model}" does not support tools', param="tools")
    body["tools"] = [{"functionDeclarations": [_declaration(tool, profile) for tool in request.tools]}]
    if request.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _calling(request.tool_choice)}


def _declaration(tool: Tool, profile: Profile) -> Json:
    built: Json = {"name": wire_name(tool.name)}
    if tool.description:
        built["description"] = tool.description
    # A function without arguments has no schema here; an object without properties is refused.
    if tool.parameters and _lets_say_something(tool.parameters):
        if profile.schemas == "json":
            built["parametersJsonSchema"] = tidied(tool.parameters)
        else:
            schema = sanitised({"type": "object", **tool.parameters})
            if schema.get("properties"):
                built["parameters"] = schema
    return built


def _lets_say_something(schema: Mapping[str, Any]) -> bool:
    """Whether a schema of arguments has room for any."""
    mute = _MUTE | {"additionalProperties"} if schema.get("additionalProperties") is False else _MUTE
    return bool(schema.get("properties") or schema.keys() - mute)


def _calling(choice: str | Mapping[str, Any]) -> Json:
    if isinstance(choice, str):
        return {"mode": _MODES.get(choice, "AUTO")}
    function = choice.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    return {"mode": "ANY", "allowedFunctionNames": [wire_name(name)]} if isinstance(name, str) else {"mode": "ANY"}
