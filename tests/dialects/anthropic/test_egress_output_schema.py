"""The schemas that Anthropic binds answers by, against the schemas that were asked for."""

from __future__ import annotations

import time
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.anthropic.building.output_schema import output_schema

PERSON = {"type": "object", "properties": {"name": {"type": "string", "minLength": 2, "pattern": "^[A-Z]"}}, "required": ["name"]}


def test_objects_are_closed_and_limits_become_words() -> None:
    assert output_schema({"$schema": "x", **PERSON, "description": "Who"}) == {
        "type": "object",
        "description": "Who",
        "properties": {"name": {"type": "string", "description": '{"minLength":2,"pattern":"^[A-Z]"}'}},
        "required": ["name"],
        "additionalProperties": False,
    }


def test_what_anthropic_knows_stays() -> None:
    schema = {
        "type": "object",
        "properties": {
            "when": {"type": "string", "format": "date-time"},
            "kind": {"enum": ["a", None]},
            "some": {"type": "array", "items": {"$ref": "#/$defs/Person"}, "minItems": 1},
            "one": {"anyOf": [{"type": "null"}, {"const": 3}]},
        },
        "additionalProperties": False,
        "$defs": {"Person": {**PERSON, "properties": {"name": {"type": "string"}}, "additionalProperties": False}},
    }
    assert output_schema(schema) == schema


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"type": ["object", "null"]}}},
        {"type": "object", "properties": {"a": {"enum": [{"b": 1}]}}},
        {"type": "object", "properties": {"a": {"not": {"type": "string"}}}},
        {"type": "object", "properties": {"a": {"$ref": "https://a.example/b.json"}}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"$ref": "#/$defs/Node", "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}}},
        {
            "$ref": "#/$defs/A",
            "$defs": {
                "A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}},
                "B": {"type": "array", "items": {"$ref": "#/$defs/A"}},
            },
        },
    ],
)
def test_what_no_such_schema_can_say_is_not_bound(schema: dict[str, Any]) -> None:
    assert output_schema(schema) is None


def test_no_depth_makes_it_crash() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        deep = {"type": "array", "items": deep}
    assert output_schema(deep) is None


@pytest.mark.parametrize("word", [["date", "time"], {"a": "date"}, None, 7, "color"])
def test_a_format_that_is_no_word_or_an_unknown_one_is_said_in_words(word: object) -> None:
    bound = output_schema({"type": "object", "properties": {"a": {"type": "string", "format": word}}})
    assert bound is not None
    assert bound["properties"]["a"] == {"type": "string", "description": f'{{"format":{orjson.dumps(word).decode()}}}'}


def test_a_long_chain_of_definitions_is_followed_once() -> None:
    chain = {f"A{number}": {"properties": {"next": {"$ref": f"#/$defs/A{number + 1}"}}} for number in range(10_000)}
    began = time.process_time()
    assert output_schema({"$ref": "#/$defs/A0", "$defs": {**chain, "A10000": {"type": "string"}}}) is not None
    assert output_schema({"$ref": "#/$defs/A0", "$defs": {**chain, "A10000": {"$ref": "#/$defs/A0"}}}) is None
    assert time.process_time() - began < 3, "where each link is looked for among all others, it takes a minute"


LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 3},
        {"enum": ["a", 1]},
        {"type": "string", "format": "color"},
        {"type": "boolean", "default": True},
    ]
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items, "maxItems": 2}, inner),
        st.builds(lambda a, b: {"oneOf": [a, b]}, inner, inner),
        st.builds(
            lambda properties, more: {"type": "object", "properties": properties, "required": list(properties)[:1], **more},
            st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": True}]),
        ),
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    st.sampled_from(["a", 1, 5, True, None]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=5,
)
_LIMITS = {"minimum", "maxItems", "format", "default"}


def without_limits(schema: Any) -> Any:
    """The schema with the limits that become words left out, `oneOf` as what stands for it."""
    if isinstance(schema, list):
        return [without_limits(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        "anyOf" if key == "oneOf" else key: {name: without_limits(item) for name, item in value.items()}
        if key == "properties"
        else without_limits(value)
        for key, value in schema.items()
        if key not in _LIMITS
    }


@given(SCHEMAS, VALUES)
def test_what_fits_the_bound_schema_fits_the_asked_one_but_for_limits(schema: dict[str, Any], value: object) -> None:
    bound = output_schema(schema)
    if bound is not None and jsonschema.Draft202012Validator(bound).is_valid(value):
        assert jsonschema.Draft202012Validator(without_limits(schema)).is_valid(value)
