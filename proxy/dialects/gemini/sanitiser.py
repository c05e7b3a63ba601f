"""JSON schemas -> the part of OpenAPI's that Gemini's older models know. Pure.

One key too many fails the whole request. What the target cannot say goes into the description, where the model can still read it, and
what it can say only more loosely becomes looser: whatever the client's schema allows stays allowed, but for values of any kind at all.

Source: google-genai 3.4.0, `types.py`, Schema; https://github.com/router-for-me/CLIProxyAPI/issues/97 and others for what is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

Schema = dict[str, Any]

TYPES: Final = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT")

_BY_NAME: Final = {name.lower(): name for name in TYPES}
_FORMATS: Final = {
    "STRING": ("enum", "date-time"),
    "INTEGER": ("int32", "int64", "enum"),
    "NUMBER": ("float", "double"),
}
_COUNTS: Final = {
    "STRING": ("minLength", "maxLength"),
    "ARRAY": ("minItems", "maxItems"),
    "OBJECT": ("minProperties", "maxProperties"),
}
# What is worth telling the model in words.
_TELLING: Final = (
    *("default", "examples", "not", "multipleOf", "uniqueItems", "contains", "patternProperties", "propertyNames", "dependentRequired"),
    *("if", "then", "else", "contentEncoding", "contentMediaType"),
)
_ANYTHING: Final = ("STRING", "NUMBER", "BOOLEAN")
_INNER: Final = ("anyOf", "oneOf", "allOf")
_MAX_DEPTH: Final = 24
# Definitions that hold each other would be written out without end, or nearly so.
_MAX_NODES: Final = 4000
_MAX_WORDS: Final = 300


def sanitised(schema: Mapping[str, Any]) -> Schema:
    """The schema with nothing in it that Gemini does not know, its references written out."""
    return _Sanitiser(schema).node(schema)


class _Sanitiser:
    """One schema at work."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0

    def node(self, value: object, above: tuple[str, ...] = (), depth: int = 0) -> Schema:
        """The node that `value` becomes.

        Args:
            above: the references that led here; one that comes again would lead here for ever.
        """
        self._nodes += 1
        if not isinstance(value, Mapping):
            return _anything() if value is not False else {"type": "STRING", "description": "no value is allowed here"}
        source, above = self._resolved(value, above)
        lost: list[str] = []
        if source is None or depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            return _described({"type": "OBJECT"}, value, [])
        kinds, nullable = _kinds(source)
        choices = _choices(source)
        if choices:
            built = self._any_of(source, choices, above, depth)
        elif len(kinds) > 1:
            built = _one_of_them([self._of_kind(kind, source, above, depth, []) for kind in kinds])
        elif kinds:
            built = self._of_kind(kinds[0], source, above, depth, lost)
        else:
            built = {"type": "STRING"} if nullable else _anything()
        if nullable:
            built = _nullable(built)
        lost += [f"{key}: {_written(source[key])}" for key in _TELLING if key in source]
        return _described(built, source, lost)

    def _resolved(self, value: Mapping[str, Any], above: tuple[str, ...]) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
        """`value` with what it refers to and what it is all of in its place; `None` for a reference that leads nowhere or round."""
        source: Mapping[str, Any] = value
        while isinstance(reference := source.get("$ref"), str):
            target = self._target(reference)
            if reference in above or target is None or len(above) > _MAX_DEPTH:
                return None, above
            above = (*above, reference)
            source = {**target, **{key: item for key, item in source.items() if key != "$ref"}}
        parts = source.get("allOf")
        if isinstance(parts, list):
            merged: Schema = {key: item for key, item in source.items() if key != "allOf"}
            for part in parts:
                inner, above = self._resolved(part, above) if isinstance(part, Mapping) else ({}, above)
                _merge(merged, inner or {})
            source = merged
        return source, above

    def _target(self, reference: str) -> Mapping[str, Any] | None:
        """What a reference inside the document leads to."""
        if not reference.startswith("#"):
            return None
        place: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/") if reference.strip("#/") else ():
            place = place.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(place, Mapping) else None
        return place if isinstance(place, Mapping) else None

    def _any_of(self, source: Mapping[str, Any], choices: Sequence[object], above: tuple[str, ...], depth: int) -> Schema:
        """A choice stands alone in its node; what stands beside it in the client's schema holds for each of its branches."""
        beside = {key: item for key, item in source.items() if key not in (*_INNER, "description", "title", *_TELLING)}
        wanted = [choice for choice in choices if not _is_null(choice)]
        branches = []
        for choice in wanted:
            whole = choice
            if isinstance(choice, Mapping) and beside:
                whole = {**choice, **{key: item for key, item in beside.items() if key not in choice}}
                whole = _with_properties_of_both(whole, choice, beside)
            branches.append(self.node(whole, above, depth + 1))
        built = _one_of_them(branches) if branches else {"type": "STRING"}
        return _nullable(built) if len(wanted) < len(choices) else built

    def _of_kind(self, kind: str, source: Mapping[str, Any], above: tuple[str, ...], depth: int, lost: list[str]) -> Schema:
        built: Schema = {"type": kind}
        _add_format(built, source, lost)
        _add_enum(built, source, lost)
        for key in _COUNTS.get(kind, ()):
            if _is_count(source.get(key)):
                built[key] = source[key]
        if kind == "STRING" and isinstance(source.get("pattern"), str):
            built["pattern"] = source["pattern"]
        if kind in ("INTEGER", "NUMBER"):
            _add_limits(built, source)
        if kind == "ARRAY":
            built["items"] = self._items(source, above, depth)
        if kind == "OBJECT":
            self._add_properties(built, source, above, depth)
        return built

    def _items(self, source: Mapping[str, Any], above: tuple[str, ...], depth: int) -> Schema:
        items, first = source.get("items"), source.get("prefixItems")
        each = [*(first if isinstance(first, list) else ()), *(items if isinstance(items, list) else ())]
        if each:
            each += [items] if isinstance(items, Mapping) else []
            return _one_of_them([self.node(item, above, depth + 1) for item in each])
        return self.node(items, above, depth + 1) if isinstance(items, Mapping) and items else {"type": "STRING"}

    def _add_properties(self, built: Schema, source: Mapping[str, Any], above: tuple[str, ...], depth: int) -> None:
        properties = source.get("properties")
        known = {
            name: self.node(item, above, depth + 1)
            for name, item in (properties.items() if isinstance(properties, Mapping) else ())
            if item is not False
        }
        if known:
            built["properties"] = known
        for key in ("required", "propertyOrdering"):
            names = source.get(key)
            listed = [name for name in names if isinstance(name, str) and name in known] if isinstance(names, list) else []
            if listed:
                built[key] = list(dict.fromkeys(listed))


def _kinds(source: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The types that a value may have, by what the schema says or else hints at, and whether it may be null."""
    said = source.get("type")
    words = [word.lower() for word in (said if isinstance(said, list) else [said]) if isinstance(word, str)]
    kinds = list(dict.fromkeys(_BY_NAME[word] for word in words if word in _BY_NAME))
    values = _values(source)
    nullable = "null" in words or source.get("nullable") is True
    if values and None in values and (not words or nullable):
        nullable = True
    return kinds or ([] if words == ["null"] else _hinted(source, values)), nullable


def _hinted(source: Mapping[str, Any], values: list[Any] | None) -> list[str]:
    if values:
        return list(dict.fromkeys(kind for value in values if (kind := _kind_of(value))))
    for kind, keys in (
        ("OBJECT", ("properties", "required", "additionalProperties", "minProperties", "maxProperties", "patternProperties")),
        ("ARRAY", ("items", "prefixItems", "minItems", "maxItems", "uniqueItems")),
        ("STRING", ("pattern", "minLength", "maxLength")),
        ("NUMBER", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    ):
        if source.keys() & set(keys):
            return [kind]
    return []


def _kind_of(value: object) -> str:
    match value:
        case bool():
            return "BOOLEAN"
        case str():
            return "STRING"
        case int():
            return "INTEGER"
        case float():
            return "NUMBER"
        case list():
            return "ARRAY"
        case dict():
            return "OBJECT"
        case _:
            return ""


def _choices(source: Mapping[str, Any]) -> list[Any]:
    return next((source[key] for key in ("anyOf", "oneOf") if isinstance(source.get(key), list) and source[key]), [])


def _is_null(choice: object) -> bool:
    return isinstance(choice, Mapping) and (choice.get("type") in ("null", ["null"]) or _values(choice) == [None])


def _values(source: Mapping[str, Any]) -> list[Any] | None:
    """The values that are allowed, where the schema lists them."""
    if "const" in source:
        return [source["const"]]
    values = source.get("enum")
    return values if isinstance(values, list) else None


def _add_format(built: Schema, source: Mapping[str, Any], lost: list[str]) -> None:
    word = source.get("format")
    if not isinstance(word, str) or word == "enum":
        return
    if word in _FORMATS.get(built["type"], ()):
        built["format"] = word
    else:
        lost.append(f"format: {word}")


def _add_enum(built: Schema, source: Mapping[str, Any], lost: list[str]) -> None:
    """Values as texts, which is all that Gemini lists; those of other types are told in words. An empty text is refused."""
    values = [value for value in _values(source) or () if value is not None]
    kind = built["type"]
    if not values:
        return
    if kind == "STRING" and all(isinstance(value, str) and value for value in values):
        built["enum"] = list(dict.fromkeys(values))
    elif kind == "INTEGER" and all(_is_integer(value) for value in values):
        # The texts are no values of the type: the format says that they are its names.
        built |= {"format": "enum", "enum": list(dict.fromkeys(map(str, values)))}
    elif kind == "INTEGER" and source.get("format") == "enum" and all(isinstance(value, str) for value in values):
        built |= {"format": "enum", "enum": list(dict.fromkeys(values))}
    else:
        lost.append(f"one of: {_written(values)}")


def _add_limits(built: Schema, source: Mapping[str, Any]) -> None:
    step = 1 if built["type"] == "INTEGER" else 0
    for key, beyond, sign in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
        limit: Any = source.get(key)
        outer: Any = source.get(beyond)
        if outer is True and _is_number(limit):  # draft 4
            limit, outer = None, limit
        if _is_number(outer):
            nearest = outer + sign * step if _is_integer(outer) else outer
            limit = nearest if not _is_number(limit) else max(limit, nearest) if sign > 0 else min(limit, nearest)
        if _is_number(limit):
            built[key] = limit


def _merge(merged: Schema, more: Mapping[str, Any]) -> None:
    """Adds what another schema says of the same value; what was said first stays."""
    for key, item in more.items():
        before = merged.get(key)
        if key == "properties" and isinstance(before, Mapping) and isinstance(item, Mapping):
            merged[key] = {**item, **before}
        elif key == "required" and isinstance(before, list) and isinstance(item, list):
            merged[key] = [*before, *item]
        elif key not in merged:
            merged[key] = item


def _with_properties_of_both(whole: Schema, one: Mapping[str, Any], other: Mapping[str, Any]) -> Schema:
    merged: Schema = {key: one[key] for key in ("properties", "required") if key in one}
    _merge(merged, {key: other[key] for key in ("properties", "required") if key in other})
    return whole | merged


def _one_of_them(branches: Sequence[Schema]) -> Schema:
    """A choice between these. Choices between choices are one choice; one that allows null allows it in all of them."""
    flat: list[Schema] = []
    for branch in branches:
        for inner in branch.get("anyOf", [branch]):
            if inner not in flat:
                flat.append(inner)
    return dict(flat[0]) if len(flat) == 1 else {"anyOf": flat}


def _nullable(built: Schema) -> Schema:
    return _one_of_them([{**branch, "nullable": True} for branch in built.get("anyOf", [built])])


def _anything() -> Schema:
    """Any value, as far as that can be said: objects would have to name their properties."""
    return {"anyOf": [{"type": kind} for kind in _ANYTHING]}


def _described(built: Schema, source: Mapping[str, Any], lost: Sequence[str]) -> Schema:
    """`built` with the words of the client's schema, and what else is to be told. Beside a choice they stand in each of its branches."""
    said = source.get("description")
    words = said if isinstance(said, str) else ""
    if lost:
        told = "; ".join(lost)
        words = f"{words} ({told[:_MAX_WORDS]})".strip()
    title = source.get("title")
    if "anyOf" in built:
        branches = [{**branch, "description": branch.get("description") or words} if words else branch for branch in built["anyOf"]]
        return _one_of_them(branches)
    if isinstance(title, str) and title:
        built["title"] = title
    if words:
        built["description"] = words
    return built


def _written(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return str(value)


def _is_count(value: object) -> bool:
    return _is_integer(value) and isinstance(value, int) and value >= 0


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
