"""JSON schemas -> those that Anthropic binds answers by. Pure.

It knows a part of JSON Schema and refuses the rest. Objects must be closed: whatever fits the closed schema fits the open one. Limits on
numbers and lengths, which it does not know, are said in the `description`, where the model reads them.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations".
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from proxy.wire.exact_json import dumps_exact

Schema = dict[str, Any]

_LEVELS = 16
_KEPT: Final = frozenset({"type", "description", "title", "enum", "const", "required", "$ref"})
_MUTE: Final = frozenset(
    {
        *("$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly", "strict", "discriminator"),
        "additionalProperties",  # dealt with by itself
    }
)
_LIMITS: Final = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "format"),
        *("pattern", "default"),
    }
)
_FORMATS: Final = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf"})


class _Unbindable(Exception):
    """The schema allows what no schema that Anthropic takes can allow."""


def output_schema(schema: Mapping[str, Any]) -> Schema | None:
    """The schema to bind an answer by, `None` where there is none: objects with any keys, references that go around in circles."""
    try:
        if _refers_in_circles(schema):
            return None
        return _node(schema, _LEVELS)
    except _Unbindable:
        return None


def _node(schema: object, levels: int) -> Schema:
    if not isinstance(schema, Mapping) or not schema or not levels:
        raise _Unbindable
    built: Schema = {}
    limits: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _KEPT or _is_known(key, value):
            built[key] = value
        elif key in _LIMITS:
            limits[key] = value
        elif key not in _MUTE:
            built["anyOf" if key == "oneOf" else key] = _below(key, value, levels - 1)
    if any(isinstance(value, dict | list) for value in _checked(built.get("enum", []), list)):
        raise _Unbindable
    _close(built, schema)
    if limits:
        built["description"] = f"{built.get('description', '')} {dumps_exact(limits).decode()}".lstrip()
    return built


def _below(key: str, value: object, levels: int) -> object:
    """What stands under a keyword that holds schemas."""
    if key in _LISTS:
        return [_node(branch, levels) for branch in _checked(value, list)]
    if key in ("properties", "$defs", "definitions"):
        return {name: _node(inner, levels) for name, inner in _checked(value, dict).items()}
    if key == "items":
        return _node(value, levels)
    raise _Unbindable


def _is_known(key: str, value: object) -> bool:
    return (key == "format" and isinstance(value, str) and value in _FORMATS) or (key == "minItems" and value in (0, 1))


def _close(built: Schema, schema: Mapping[str, Any]) -> None:
    kind = schema.get("type")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind) and "properties" not in schema:
        return
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping) or not (built.get("properties") or more is False):
        raise _Unbindable
    built["additionalProperties"] = False


def _checked(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise _Unbindable
    return value


def _refers_in_circles(root: Mapping[str, Any]) -> bool:
    """Whether a definition refers to itself, in whatever way, or a reference leads elsewhere than to a definition of this schema."""
    leads = {
        f"#/{place}/{name}": set(_references(definition, _LEVELS))
        for place in ("$defs", "definitions")
        if isinstance(root.get(place), Mapping)
        for name, definition in root[place].items()
    }
    reached = set(_references({key: value for key, value in root.items() if key not in ("$defs", "definitions")}, _LEVELS))
    if not (reached.union(*leads.values()) if leads else reached) <= leads.keys():
        return True
    try:
        TopologicalSorter(leads).prepare()
    except CycleError:
        return True
    return False


def _references(value: object, levels: int) -> list[str]:
    if not levels:
        raise _Unbindable
    if isinstance(value, Mapping):
        inner = [reference for item in value.values() for reference in _references(item, levels - 1)]
        reference = value.get("$ref")
        return [*inner, reference] if isinstance(reference, str) else inner
    if isinstance(value, list):
        return [reference for item in value for reference in _references(item, levels - 1)]
    return []
