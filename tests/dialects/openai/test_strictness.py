"""Which schemas OpenAI calls strict."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.openai.strictness import is_strict
from tests.dialects.openai.object_schemas import SCHEMA, STRICT


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (STRICT, True),
        (SCHEMA, False),
        ({**STRICT, "required": ["a"]}, False),
        ({**STRICT, "required": ["a", "b", "c"]}, False),
        ({**STRICT, "required": "ab"}, False),
        ({**STRICT, "additionalProperties": True}, False),
        ({"type": "object"}, False),
        ({"type": "object", "properties": {}, "required": [], "additionalProperties": False}, True),
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({"type": "object", "additionalProperties": False}, False),
        ({"type": "object", "properties": STRICT["properties"], "additionalProperties": False}, False),
        ({"$schema": "http://json-schema.org/draft-07/schema#", **STRICT}, True),
        ({**STRICT, "$id": "https://example.com/a"}, False),
        ({**STRICT, "properties": {"a": {**STRICT, "$schema": "x"}, "b": {"type": "string"}}}, False),
        ({"type": "array", "items": STRICT}, False),
        ({"anyOf": [STRICT]}, False),
        ({**STRICT, "properties": {"a": STRICT, "b": {"type": "array", "items": STRICT}}}, True),
        ({**STRICT, "properties": {"a": SCHEMA, "b": STRICT}}, False),
        ({**STRICT, "properties": {"a": {"type": "array", "items": SCHEMA}, "b": STRICT}}, False),
        ({**STRICT, "properties": {"a": {"anyOf": [STRICT, {"type": "null"}]}, "b": {"enum": [1]}}}, True),
        ({**STRICT, "properties": {"a": {"anyOf": [SCHEMA]}, "b": {"const": 1}}}, False),
        ({**STRICT, "properties": {"a": {"anyOf": {}}, "b": {"const": 1}}}, False),
        ({**STRICT, "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"type": ["string", "null"]}}, "$defs": {"x": STRICT}}, True),
        ({**STRICT, "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"type": "string"}}, "$defs": {"x": SCHEMA}}, False),
        ({**STRICT, "properties": {"a": {"$ref": "#", "description": "x"}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {"type": ["object", "null"]}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {"type": "string", "default": "x"}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {"oneOf": []}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": True, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {"type": "string", "format": "uuid"}, "b": {"type": "string"}}}, True),
        ({**STRICT, "properties": {"a": {"type": "string", "format": "uri"}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {"type": "string", "format": {}}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": []}, False),
        ({**STRICT, "$defs": []}, False),
    ],
)
def test_strict_schemas_are_told_from_loose_ones(schema: Any, strict: bool) -> None:
    assert is_strict(schema) is strict


def test_a_schema_that_is_too_deep_is_not_strict() -> None:
    schema: Any = {"type": "string"}
    for _ in range(400):
        schema = {"type": "array", "items": schema}
    assert not is_strict({**STRICT, "properties": {"a": schema, "b": {"type": "string"}}})
