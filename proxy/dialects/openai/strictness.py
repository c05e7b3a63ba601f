"""Whether a JSON schema fulfils OpenAI's rules for `strict` as it stands. Pure.

Source: https://platform.openai.com/docs/guides/structured-outputs, "Supported schemas". Whatever the rules do not name is taken for
forbidden: a schema that is wrongly called strict is refused, one that is wrongly called loose is still followed. Taken beyond the rules is
what OpenAI's own packages write into schemas that they call strict (openai-node, `zodFunction`): a `$schema` at the root, and no `required`
where there are no properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MAX_DEPTH = 10
_HARMLESS = frozenset({"description", "title", "enum", "const", "pattern", "format", "multipleOf", "minItems", "maxItems"}) | frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
)
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
_STRUCTURE = frozenset({"type", "properties", "required", "additionalProperties", "items", "anyOf", "$defs", "definitions"})


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether every object lists all its properties as required and allows no others, all the way down."""
    if schema.get("type") != "object" or "anyOf" in schema:
        return False
    return _is_strict({key: value for key, value in schema.items() if key != "$schema"}, 0)


def _is_strict(schema: Any, depth: int) -> bool:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return False
    if "$ref" in schema:
        return len(schema) == 1
    if not schema.keys() <= _HARMLESS | _STRUCTURE or not schema.keys() & {"type", "enum", "const", "anyOf"}:
        return False
    if "format" in schema and schema["format"] not in _FORMATS:
        return False
    if ("properties" in schema or _may_be_object(schema)) and not _is_closed(schema):
        return False
    return all(_is_strict(below, depth + 1) for below in _below(schema))


def _may_be_object(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _is_closed(schema: Mapping[str, Any]) -> bool:
    properties = schema.get("properties")
    required = schema.get("required", None if properties else [])
    return (
        schema.get("additionalProperties") is False
        and isinstance(properties, Mapping)
        and isinstance(required, list)
        and all(isinstance(name, str) for name in required)
        and set(required) == properties.keys()
    )


def _below(schema: Mapping[str, Any]) -> list[Any]:
    inner: list[Any] = [schema["items"]] if "items" in schema else []
    for key in ("properties", "$defs", "definitions"):
        if key in schema:
            inner += schema[key].values() if isinstance(schema[key], Mapping) else [None]
    if "anyOf" in schema:
        inner += schema["anyOf"] if isinstance(schema["anyOf"], list) else [None]
    return inner
