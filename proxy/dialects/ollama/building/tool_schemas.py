"""JSON schemas of tools -> those that survive Ollama's structs, which know few keywords of JSON Schema and drop the rest in silence. Pure.

What would be dropped is said in the `description` of the same node, where the model reads it; references are replaced by what they refer
to. A keyword of a wrong type would make Ollama refuse the whole request, so it is left out.

Source: `api/types.go` `ToolFunctionParameters` and `ToolProperty` of Ollama v0.33.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

Schema = dict[str, Any]

# So deep may schemas be nested; below, anything goes.
_LEVELS = 32
# So much of what references lead to is written out in the place of each, as JSON, in all schemas of a request; it may be in many places.
_MAX_REFERRED_CHARS = 256 * 1024
_SAID_CHARS = 400

_KEPT = frozenset({"type", "description", "enum", "items", "properties", "required", "anyOf"})
# What says nothing to a model that the other keywords don't say, or is dealt with by itself.
_MUTE = frozenset({"$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "$ref", "title", "oneOf", "allOf", "const", "strict"})
# What says nothing where it is false, which it is where it is left out, too.
_MUTE_IF_FALSE = frozenset({"uniqueItems", "deprecated", "nullable", "readOnly", "writeOnly", "exclusiveMinimum", "exclusiveMaximum"})


class References:
    """How much of what references lead to may still be written out, in all schemas of one request."""

    __slots__ = ("_room_chars",)

    def __init__(self) -> None:
        self._room_chars = _MAX_REFERRED_CHARS

    def have_room(self, target: object) -> bool:
        """Whether `target` may be written out once more; if so, it counts as written. The last one may be larger than what was left."""
        if self._room_chars <= 0:
            return False
        self._room_chars -= len(_json(target))
        return True


def tool_schema(schema: Mapping[str, Any] | None, references: References | None = None) -> tuple[Schema, str]:
    """The schema of a function's arguments, an object whatever came; and what has no place at its top, for the function's description.

    Args:
        references: those of the functions beside it, if there are any.
    """
    built = _Folding(schema or {}, references or References()).node(schema or {}, _LEVELS, ())
    words, branches = built.pop("description", ""), built.pop("anyOf", None)
    if branches:
        words = f"{words} (arguments that fit one of: {_written(branches)})".lstrip()
    return {**built, "type": "object", "properties": built.get("properties", {})}, words


class _Folding:
    """Folds one schema.

    Args:
        root: where references lead.
    """

    def __init__(self, root: Mapping[str, Any], references: References) -> None:
        self._root = root
        self._references = references

    def node(self, schema: object, levels: int, within: tuple[str, ...]) -> Schema:
        """The node `schema`, with nothing but what Ollama keeps.

        Args:
            within: the references that lead here: one of them again would never end.
        """
        if not isinstance(schema, Mapping) or levels <= 0:
            return {}  # `true`, and what is no schema: anything
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._referred(reference, schema, levels, within)
        schema = self._merged(schema, levels, within)
        built: Schema = {}
        if (kind := _type(schema)) is not None:
            built["type"] = kind
        if (enum := _enum(schema)) is not None:
            built["enum"] = enum
        self._add_inner(built, schema, levels, within)
        if required := _names(schema.get("required")):
            built["required"] = required
        if words := _description(schema):
            built["description"] = words
        return built

    def _add_inner(self, built: Schema, schema: Mapping[str, Any], levels: int, within: tuple[str, ...]) -> None:
        properties, branches = schema.get("properties"), schema.get("anyOf") or schema.get("oneOf")
        if isinstance(properties, Mapping):
            built["properties"] = {name: self.node(inner, levels - 1, within) for name, inner in properties.items()}
        if schema.get("items", False) is not False:
            built["items"] = self.node(schema["items"], levels - 1, within)
        if isinstance(branches, list) and branches:
            built["anyOf"] = [self.node(branch, levels - 1, within) for branch in branches]

    def _referred(self, reference: str, schema: Mapping[str, Any], levels: int, within: tuple[str, ...]) -> Schema:
        """What `reference` refers to, with what the node says of itself. A schema that contains itself is any object."""
        target = self._followed(reference, within)
        built = {"type": "object"} if target is None else self.node(target, levels - 1, (*within, reference))
        words = _description(schema)
        if words:
            built["description"] = words if "description" in schema else f"{built.get('description', '')} {words}".lstrip()
        return built

    def _followed(self, reference: str, within: tuple[str, ...]) -> object:
        """Where `reference` leads; `None` where it leads nowhere, back to where it stands, or to more than is written out."""
        target = None if reference in within else self._target(reference)
        return target if target is not None and self._references.have_room(target) else None

    def _target(self, reference: str) -> object:
        """Where a JSON pointer into the same schema leads; `None` where it leads nowhere."""
        if not reference.startswith("#"):
            return None
        place: object = self._root
        for step in filter(None, reference[1:].split("/")):
            key = step.replace("~1", "/").replace("~0", "~")
            place = place.get(key) if isinstance(place, Mapping) else None
        return place

    def _merged(self, schema: Mapping[str, Any], levels: int, within: tuple[str, ...]) -> Mapping[str, Any]:
        """`schema` with the members of its `allOf`; what it says itself counts most."""
        members = schema.get("allOf")
        if not isinstance(members, list):
            return schema
        own = {key: value for key, value in schema.items() if key != "allOf"}
        merged: Schema = {}
        properties: Schema = {}
        required: dict[str, None] = {}
        for part in (*(self._member(member, levels - 1, within) for member in members), own):
            merged |= part
            properties |= part["properties"] if isinstance(part.get("properties"), Mapping) else {}
            required |= dict.fromkeys(_names(part.get("required")))
        return merged | ({"properties": properties} if properties else {}) | ({"required": list(required)} if required else {})

    def _member(self, member: object, levels: int, within: tuple[str, ...]) -> Mapping[str, Any]:
        if not isinstance(member, Mapping) or levels <= 0:
            return {}
        reference = member.get("$ref")
        if isinstance(reference, str):
            return self._member(self._followed(reference, within), levels - 1, (*within, reference))
        return self._merged(member, levels, within)


def _type(schema: Mapping[str, Any]) -> str | list[str] | None:
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, list) and kind and all(isinstance(word, str) for word in kind):
        return kind
    return "object" if "properties" in schema else None


def _enum(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    enum = schema.get("enum")
    return enum if isinstance(enum, list) and enum else None


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _description(schema: Mapping[str, Any]) -> str:
    """What the node says of itself, and after it what it says in keywords that Ollama does not know."""
    description = schema.get("description")
    said = description if isinstance(description, str) else ""
    lost = "; ".join(f"{name}: {_written(value)}" for name, value in schema.items() if _is_lost(name, value, schema))
    return f"{said} ({lost})".lstrip() if lost else said


def _is_lost(name: str, value: object, schema: Mapping[str, Any]) -> bool:
    """Whether the model hears of a keyword only if it is said."""
    if value is False:
        return name == "items" or name not in _KEPT | _MUTE | _MUTE_IF_FALSE
    if name == "oneOf":  # Its place is taken by the other alternatives.
        return bool(value) and bool(schema.get("anyOf"))
    return name not in _KEPT | _MUTE


def _written(value: object) -> str:
    text = value if isinstance(value, str) else _json(value)
    return text if len(text) <= _SAID_CHARS else text[:_SAID_CHARS] + "…"


def _json(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # integers beyond 64 bits
        return str(value)
