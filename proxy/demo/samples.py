"""Values that satisfy a JSON schema, with what a sentence offers filled in.

Knows the keywords that clients use: types, enum, const, object, array, text and number keywords, anyOf, oneOf (as anyOf), allOf, $ref.
What it does not know it refuses; it never returns a value that it has not made by the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import unquote

from proxy.demo.errors import Refusal
from proxy.demo.hints import Hints
from proxy.demo.scalars import Schema, numbers, texts

_UNKNOWN_KEYWORDS = ("contains", "dependentRequired", "dependentSchemas", "if", "minProperties", "not")
_SHALLOW = 4
_DEEPEST = 24
_LONGEST_ARRAY = 100
# What keywords with values of the wrong type, patterns that are none and steps of zero come to.
_MALFORMED = (TypeError, ValueError, AttributeError, ArithmeticError, re.error)


def sample(schema: Any, hints: Hints | None = None, *, optional: bool = True) -> Any:
    """One value that satisfies the schema. Raises `Refusal` when none can be made.

    Args:
        hints: what the user's sentence offers; used before anything is made up.
        optional: whether properties that are not required are filled in as well.
    """
    try:
        return _Sampler(schema, hints or Hints(), optional).first(schema)
    except _MALFORMED:
        raise _impossible("The schema is not a valid JSON schema.") from None


class _Sampler:
    """One walk through one schema. `_values` yields candidates, best first; whoever needs one value takes the first."""

    def __init__(self, root: Any, hints: Hints, optional: bool) -> None:
        self._root = root
        self._hints = hints
        self._optional = optional
        self._makers = {
            "object": self._objects,
            "array": self._arrays,
            "string": lambda schema, name, _: texts(schema, name, hints),
            "integer": lambda schema, *_: numbers(schema, hints, whole=True),
            "number": lambda schema, *_: numbers(schema, hints, whole=False),
            "boolean": lambda *_: iter((True, False)),
            "null": lambda *_: iter((None,)),
        }

    def first(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        for value in self._values(schema, name, depth):
            return value
        raise _impossible(f"The demo finds no value for {name or 'the schema'}.")

    def _values(self, schema: Any, name: str, depth: int) -> Iterator[Any]:
        if schema is False:
            return
        flat = self._flat({} if schema is True else schema, depth)
        if "const" in flat:
            yield flat["const"]
        elif "enum" in flat:
            yield from sorted(flat["enum"], key=lambda value: not self._hints.mentions(value))
        elif branches := flat.get("anyOf") or flat.get("oneOf"):
            yield from self._branches(flat, branches, name, depth)
        else:
            for kind in _kinds(flat):
                yield from self._maker(kind)(flat, name, depth)

    def _maker(self, kind: Any) -> Any:
        if kind not in self._makers:
            raise _impossible(f"The schema's type {kind!r} does not exist.")
        return self._makers[kind]

    def _branches(self, flat: Schema, branches: list[Any], name: str, depth: int) -> Iterator[Any]:
        rest = {key: value for key, value in flat.items() if key not in ("anyOf", "oneOf")}
        if depth >= _SHALLOW:
            branches = sorted(branches, key=lambda branch: isinstance(branch, Mapping) and "$ref" in branch)
        for branch in branches:
            yield from self._values({"allOf": [rest, branch]}, name, depth + 1)

    def _flat(self, schema: Any, depth: int) -> dict[str, Any]:
        """The schema with its `$ref` and `allOf` merged in."""
        if depth > _DEEPEST:
            raise _impossible("The schema has no end.")
        if not isinstance(schema, Mapping):
            raise _impossible("A schema must be an object or a boolean.")
        for keyword in _UNKNOWN_KEYWORDS:
            if keyword in schema:
                raise _impossible(f"The demo does not know the schema keyword {keyword!r}.")
        flat = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        parts = [self._resolve(schema["$ref"])] if "$ref" in schema else []
        for part in (*parts, *schema.get("allOf", ())):
            _merge(flat, self._flat(part, depth + 1))
        return flat

    def _resolve(self, ref: Any) -> Any:
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise _impossible("The demo follows only references inside of the schema.")
        found = self._root
        for key in ref[1:].split("/")[1:]:
            found = found.get(unquote(key).replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        if found is None:
            raise _impossible(f"The schema's reference {ref} leads nowhere.")
        return found

    def _objects(self, schema: Schema, _: str, depth: int) -> Iterator[dict[str, Any]]:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        made = {key: self.first(part, key, depth + 1) for key, part in properties.items() if self._wanted(key, part, required, depth)}
        extra = schema.get("additionalProperties", True)
        for key in required:
            if key not in made:
                made[key] = self.first(extra, key, depth + 1)
        if isinstance(extra, Mapping) and not made and depth < _SHALLOW and "propertyNames" not in schema:
            made["demo"] = self.first(extra, "demo", depth + 1)
        yield made

    def _wanted(self, key: str, schema: Any, required: Any, depth: int) -> bool:
        if key in required:
            return True
        if self._optional:
            return schema is not False and depth < _SHALLOW
        return isinstance(schema, Mapping) and any(self._hints.mentions(value) for value in schema.get("enum", ()))

    def _arrays(self, schema: Schema, name: str, depth: int) -> Iterator[list[Any]]:
        made = [self.first(part, name, depth + 1) for part in schema.get("prefixItems", ())]
        items = schema.get("items", not made)
        count = self._array_length(schema, items, depth) - len(made)
        if not schema.get("uniqueItems"):
            yield made + [self.first(items, name, depth + 1) for _ in range(count)]
            return
        made += islice(self._fresh(items, made, name, depth), max(count, 0))
        if len(made) >= schema.get("minItems", 0):
            yield made

    def _array_length(self, schema: Schema, items: Any, depth: int) -> int:
        least: int = schema.get("minItems", 0)
        if least > _LONGEST_ARRAY:
            raise _impossible("The demo makes no arrays that long.")
        if items is False or depth >= _SHALLOW:
            return least
        kind = self._flat(items, depth).get("type") if isinstance(items, Mapping) else None
        offered = {"string": self._hints.texts, "integer": self._hints.numbers, "number": self._hints.numbers}.get(str(kind), 0)
        return int(min(max(least, offered, 1), schema.get("maxItems", _LONGEST_ARRAY)))

    def _fresh(self, items: Any, taken: list[Any], name: str, depth: int) -> Iterator[Any]:
        """Values for the items that are not taken yet; starts over as long as that brings new ones, as each start may use another hint."""
        seen = list(taken)
        found = True
        while found:
            found = False
            for value in self._values(items, name, depth + 1):
                if value not in seen:
                    found = True
                    seen.append(value)
                    yield value


def _kinds(schema: Schema) -> list[Any]:
    """The types that the schema allows; when it names none, the one that its keywords speak of."""
    kind = schema.get("type")
    if isinstance(kind, list):
        return sorted(kind, key=lambda one: one == "null")
    if kind is not None:
        return [kind]
    if "properties" in schema or "required" in schema or "additionalProperties" in schema:
        return ["object"]
    if "items" in schema or "prefixItems" in schema:
        return ["array"]
    return ["number"] if {"minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"} & schema.keys() else ["string"]


def _merge(flat: dict[str, Any], part: Schema) -> None:
    for key, value in part.items():
        if key == "properties":
            flat[key] = {**flat.get(key, {}), **value}
        elif key == "required":
            flat[key] = [*flat.get(key, ()), *value]
        else:
            flat[key] = value


def _impossible(message: str) -> Refusal:
    return Refusal(message, param="response_format", code="unsupported_schema")
