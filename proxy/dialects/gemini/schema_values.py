"""What a node of a JSON schema says of values: their types, which ones there are, their limits; in Gemini's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

Schema = dict[str, Any]

TYPES: Final = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT")

_BY_NAME: Final = {name.lower(): name for name in TYPES}
_FORMATS: Final = {
    "STRING": ("date-time",),
    "INTEGER": ("int32", "int64"),
    "NUMBER": ("float", "double"),
}


def kinds_of(source: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The types that a value may have, by what the schema says or else hints at, and whether it may be null."""
    said = source.get("type")
    words = [word.lower() for word in (said if isinstance(said, list) else [said]) if isinstance(word, str)]
    kinds = list(dict.fromkeys(_BY_NAME[word] for word in words if word in _BY_NAME))
    values = values_of(source)
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


def choices_of(source: Mapping[str, Any]) -> list[Any]:
    """The schemas of which a value must fit one; none where there is no choice."""
    return next((source[key] for key in ("anyOf", "oneOf") if isinstance(source.get(key), list) and source[key]), [])


def is_null(choice: object) -> bool:
    """Whether a schema allows nothing but null."""
    return isinstance(choice, Mapping) and (choice.get("type") in ("null", ["null"]) or values_of(choice) == [None])


def values_of(source: Mapping[str, Any]) -> list[Any] | None:
    """The values that are allowed, where the schema lists them."""
    if "const" in source:
        return [source["const"]]
    values = source.get("enum")
    return values if isinstance(values, list) else None


def add_format(built: Schema, source: Mapping[str, Any], lost: list[str]) -> None:
    """Adds the format, where Gemini knows it for the type; else it goes to `lost`."""
    word = source.get("format")
    if not isinstance(word, str) or word == "enum":  # Which says no more than that there are values.
        return
    if word in _FORMATS.get(built["type"], ()):
        built["format"] = word
    else:
        lost.append(f"format: {word}")


def add_enum(built: Schema, source: Mapping[str, Any], lost: list[str]) -> None:
    """Adds the values, where they are texts; others are told in words. An empty text is refused, and so is a list of any other type's.

    Source: https://github.com/diegosouzapw/OmniRoute/pull/760, "enum: only allowed for STRING type"
    """
    values = [value for value in values_of(source) or () if value is not None]
    if not values:
        return
    if built["type"] == "STRING" and all(isinstance(value, str) and value for value in values):
        built["enum"] = list(dict.fromkeys(values))
    else:
        lost.append(f"one of: {written(values)}")


def add_limits(built: Schema, source: Mapping[str, Any]) -> None:
    """Adds the limits of a number. What must be beyond a limit is at least at it, or one step further where numbers are whole."""
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


def written(value: object) -> str:
    """A value as the model may read it."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return str(value)


def is_count(value: object) -> bool:
    """Whether `value` is a whole number from 0 on."""
    return _is_integer(value) and isinstance(value, int) and value >= 0


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
