"""What the model may call, and whether it must. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from proxy.canonical.request import ChatRequest, Tool
from proxy.dialects.anthropic.building.blocks import Json
from proxy.dialects.anthropic.building.output_schema import output_schema
from proxy.dialects.anthropic.tool_names import wire_name
from proxy.errors import InvalidRequest
from proxy.profiles import Profile
from proxy.wire.json_body import dumps

_NO_ARGUMENTS: Final = {"type": "object", "properties": {}}
_BRANCHES: Final = ("anyOf", "oneOf", "allOf")
_WORDS: Final = {"auto": "auto", "none": "none", "required": "any"}


def add_tools(body: Json, request: ChatRequest, called: Iterable[str], profile: Profile, *, thinks: bool) -> None:
    """The tools, and what to do with them.

    A conversation in which tools were called must name some, though the client offers none any more: then those, and none may be called.

    Args:
        called: the tools that the conversation has calls of.
        thinks: whether the model is to think, which it can't where it must call a tool.

    Raises:
        InvalidRequest: the model takes no tools, or not these.
    """
    if not request.tools:
        known = [{"name": wire_name(name), "input_schema": {"type": "object"}} for name in called]
        if known:
            body |= {"tools": known, "tool_choice": {"type": "none"}}
        return
    if not profile.tools:
        raise InvalidRequest(f'"{request.model}" does not support tools', param="tools")
    body["tools"] = [_tool(tool, profile) for tool in request.tools]
    choice = _choice(request.tool_choice, can_force=profile.forced_tools and not thinks)
    if request.parallel_tool_calls is False and "parallel_tool_calls" in profile.params and (choice or {}).get("type") != "none":
        choice = {"type": "auto", **(choice or {}), "disable_parallel_tool_use": True}
    if choice is not None:
        body["tool_choice"] = choice


def must_answer_by(name: str) -> Json:
    """The `tool_choice` that demands a call of one tool, and nothing else."""
    return {"type": "tool", "name": name, "disable_parallel_tool_use": True}


def _choice(wanted: str | Mapping[str, Any] | None, *, can_force: bool) -> Json | None:
    if wanted is None:
        return None
    if isinstance(wanted, str):
        word = _WORDS.get(wanted, "auto")
        return {"type": "auto" if word == "any" and not can_force else word}
    function = wanted.get("function")
    name = function.get("name") if isinstance(function, Mapping) else wanted.get("name")
    if not can_force or not isinstance(name, str):
        return {"type": "auto"}
    return {"type": "tool", "name": wire_name(name)}


def _tool(tool: Tool, profile: Profile) -> Json:
    schema, words = _input_schema(tool.parameters)
    description = f"{tool.description}\n\n{words}".strip()
    built: Json = {"name": wire_name(tool.name)}
    if description:
        built["description"] = description
    built["input_schema"] = schema
    if tool.strict and profile.json_schema and profile.strict_schema and output_schema(schema) == schema:
        built["strict"] = True
    if tool.cache_hint is not None:
        built["cache_control"] = dict(tool.cache_hint)
    return built


def _input_schema(parameters: Mapping[str, Any] | None) -> tuple[Json, str]:
    """The schema of a tool's arguments: an object, without choices at its top. And what it says no more, for the description."""
    if not parameters:
        return dict(_NO_ARGUMENTS), ""
    if parameters.get("type") == "object" and not parameters.keys() & set(_BRANCHES):
        return dict(parameters), ""
    schema = {**parameters, "type": "object"}
    branches: Json = {key: schema.pop(key) for key in _BRANCHES if key in schema}
    if not branches:
        return schema, ""
    _spread(schema, branches)
    return schema, f"The arguments must conform to {dumps(branches).decode()}"


def _spread(schema: Json, branches: Mapping[str, Any]) -> None:
    """Gives `schema` the properties of all `branches`: those that each names as required stay so."""
    properties: Json = {}
    required: set[str] = set(_names(schema))
    for key, choices in branches.items():
        parts = [part for part in choices if isinstance(part, Mapping)] if isinstance(choices, list) else []
        for part in parts:
            properties |= part["properties"] if isinstance(part.get("properties"), Mapping) else {}
        names = [set(_names(part)) for part in parts]
        if names:
            required |= set.union(*names) if key == "allOf" else set.intersection(*names)
    own = schema.get("properties")
    schema["properties"] = {**properties, **(own if isinstance(own, Mapping) else {})}
    if required:
        schema["required"] = sorted(required)


def _names(schema: Mapping[str, Any]) -> list[str]:
    names = schema.get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
