"""JSON schemas -> the part of OpenAPI's that Gemini's older models know. Pure.

One key too many fails the whole request. What the target cannot say goes into the description, where the model can still read it, and
what it can say only more loosely becomes looser: whatever the client's schema allows stays allowed, but for values of any kind at all.

Source: google-genai 3.4.0, `types.py`, Schema; https://github.com/router-for-me/CLIProxyAPI/issues/97 and others for what is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from proxy.dialects.gemini.schema_values import (
    Schema,
    add_enum,
    add_format,
    add_limits,
    choices_of,
    is_count,
    is_null,
    kinds_of,
    values_of,
    written,
)

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
_LISTS: Final = (*_INNER, "prefixItems", "items")
_MAX_DEPTH: Final = 24
# Definitions that hold each other would be written out without end, or nearly so.
_MAX_NODES: Final = 4000
# Nor may a long text or list of values be written out at each of many places that refer to it.
_MAX_LETTERS: Final = 500_000
_MAX_WORDS: Final = 300


def sanitised(schema: Mapping[str, Any]) -> Schema:
    """The schema with nothing in it that Gemini does not know, its references written out."""
    return _Sanitiser(schema).node(schema)


class _Led(dict[str, Any]):
    """A schema inside one that a reference led to.

    Attributes:
        above: the references that led there.
    """

    __slots__ = ("above",)

    def __init__(self, schema: Mapping[str, Any], above: tuple[str, ...]) -> None:
        super().__init__(schema)
        self.above = above


class _Sanitiser:
    """One schema at work."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0
        self._letters = 0

    def node(self, value: object, above: tuple[str, ...] = (), depth: int = 0) -> Schema:
        """The node that `value` becomes.

        Args:
            above: the references that led here; one that comes again would lead here for ever.
        """
        self._nodes += 1
        above = _above(value, above)
        if not isinstance(value, Mapping):
            return _anything() if value is not False else {"type": "STRING", "description": "no value is allowed here"}
        if above:
            self._letters += _letters_of(value)
        source = self._resolved(value, above) if depth <= _MAX_DEPTH and not self._is_spent else None
        lost: list[str] = []
        if source is None:
            return _described({"type": "OBJECT"}, value, [])
        kinds, nullable = kinds_of(source)
        choices = choices_of(source)
        if choices:
            built = self._any_of(source, choices, above, depth)
        elif len(kinds) > 1:
            built = _one_of_them([self._of_kind(kind, source, above, depth, lost if kind == kinds[0] else []) for kind in kinds])
        elif kinds:
            built = self._of_kind(kinds[0], source, above, depth, lost)
        else:
            built = {"type": "STRING"} if nullable else _anything()
        if nullable:
            built = _nullable(built)
        lost += [f"{key}: {written(source[key])}" for key in _TELLING if key in source]
        return _described(built, source, lost)

    @property
    def _is_spent(self) -> bool:
        return self._nodes > _MAX_NODES or self._letters > _MAX_LETTERS

    def _resolved(self, value: Mapping[str, Any], above: tuple[str, ...]) -> Mapping[str, Any] | None:
        """`value` with what it refers to and what it is all of in its place; `None` for a reference that leads nowhere or round.

        What came by a reference knows it; what stands beside that may well refer to the same.
        """
        led = above
        source: Mapping[str, Any] = value
        while isinstance(reference := source.get("$ref"), str):
            target = self._target(reference)
            if reference in led or target is None or len(led) > _MAX_DEPTH or self._is_spent:
                return None
            self._letters += _letters_of(target)
            led = (*led, reference)
            source = _merged(({key: item for key, item in source.items() if key != "$ref"}, _led(target, led)))
        parts = source.get("allOf")
        if isinstance(parts, list):
            schemas: list[Mapping[str, Any]] = [{key: item for key, item in source.items() if key != "allOf"}]
            found = [self._part(part, above) for part in parts if isinstance(part, Mapping)]
            source = _merged([*schemas, *(inner for inner in found if inner)])
            if None in found and not kinds_of(source)[0] and not choices_of(source):
                source["type"] = "object"
        return source

    def _part(self, part: Mapping[str, Any], above: tuple[str, ...]) -> Mapping[str, Any] | None:
        """One of what a node is all of, resolved. Parts that refer to each other many times are as bad as nodes that do.

        What stands in it knows what led there: beside the node's other parts nothing else would tell.
        """
        self._nodes += "$ref" in part
        above = _above(part, above)
        inner = self._resolved(part, above)
        return inner and _led(inner, above)

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
        wanted = [choice for choice in choices if not is_null(choice)]
        branches = []
        for choice in wanted:
            whole = choice
            if isinstance(choice, Mapping) and beside and not self._is_spent:
                whole = {**choice, **{key: item for key, item in beside.items() if key not in choice}}
                whole = _with_properties_of_both(whole, choice, beside)
            branches.append(self.node(whole, _above(choice, above), depth + 1))
        built = _one_of_them(branches) if branches else {"type": "STRING"}
        return _nullable(built) if len(wanted) < len(choices) else built

    def _of_kind(self, kind: str, source: Mapping[str, Any], above: tuple[str, ...], depth: int, lost: list[str]) -> Schema:
        built: Schema = {"type": kind}
        add_format(built, source, lost)
        add_enum(built, source, lost)
        for key in _COUNTS.get(kind, ()):
            if is_count(source.get(key)):
                built[key] = source[key]
        if kind == "STRING" and isinstance(source.get("pattern"), str):
            built["pattern"] = source["pattern"]
        if kind in ("INTEGER", "NUMBER"):
            add_limits(built, source)
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


def _above(value: object, above: tuple[str, ...]) -> tuple[str, ...]:
    """The references that led to `value`, `above` where it says nothing of them."""
    return value.above if isinstance(value, _Led) else above


def _led(schema: Mapping[str, Any], above: tuple[str, ...]) -> Schema:
    """`schema`, of which each one inside knows what led there. One that knows already knows of more."""

    def within(item: Any) -> Any:
        return _Led(item, above) if isinstance(item, Mapping) and not isinstance(item, _Led) else item

    led = dict(schema)
    if isinstance(led.get("properties"), Mapping):
        led["properties"] = {name: within(item) for name, item in led["properties"].items()}
    for key in _LISTS:
        if key in led:
            led[key] = [within(item) for item in led[key]] if isinstance(led[key], list) else within(led[key])
    return led


def _letters_of(source: Mapping[str, Any]) -> int:
    """How many letters the node itself has, about."""
    names = source.get("properties")
    texts = [*source.values(), *(values_of(source) or ()), *(names if isinstance(names, Mapping) else ())]
    return sum(len(text) if isinstance(text, str) else 1 for text in texts)


def _merged(schemas: Sequence[Mapping[str, Any]]) -> Schema:
    """What all of them say of one value; what was said first stays."""
    merged: Schema = {}
    for schema in schemas:
        for key, item in schema.items():
            merged.setdefault(key, item)
    if isinstance(merged.get("properties"), Mapping):
        said = [schema["properties"] for schema in schemas if isinstance(schema.get("properties"), Mapping)]
        merged["properties"] = {name: item for properties in reversed(said) for name, item in properties.items()}
    for key in ("required", "allOf"):
        if isinstance(merged.get(key), list):
            merged[key] = [item for schema in schemas if isinstance(schema.get(key), list) for item in schema[key]]
    return merged


def _with_properties_of_both(whole: Schema, one: Mapping[str, Any], other: Mapping[str, Any]) -> Schema:
    return whole | _merged([{key: each[key] for key in ("properties", "required") if key in each} for each in (one, other)])


def _one_of_them(branches: Sequence[Schema]) -> Schema:
    """A choice between these. Choices between choices are one choice; one that allows null allows it in all of them."""
    by_mark = {_mark(inner): inner for branch in branches for inner in branch.get("anyOf", [branch])}
    flat = list(by_mark.values())
    return dict(flat[0]) if len(flat) == 1 else {"anyOf": flat}


def _mark(branch: Schema) -> object:
    """What tells the branch from others: each is written once, where comparing it would cost as many looks as there are others."""
    try:
        return orjson.dumps(branch, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return repr(branch)


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
