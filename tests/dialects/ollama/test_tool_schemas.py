"""Schemas of tools: what Ollama's structs would drop is said in words, and nothing in them makes Ollama refuse a request."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.request import Tool
from proxy.dialects.ollama.building.parameters import tools_json
from proxy.dialects.ollama.building.tool_schemas import tool_schema

KEPT = {"type", "description", "enum", "items", "properties", "required", "anyOf"}


def property_of(schema: Any, **root: Any) -> Any:
    """What becomes of a property `p` with that schema."""
    return tool_schema({"type": "object", "properties": {"p": schema}, **root})[0]["properties"]["p"]


def test_what_ollama_knows_stays_as_it_is() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where", "enum": ["Oslo", "Rome"]},
            "days": {"type": ["integer", "null"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "at": {"anyOf": [{"type": "string"}, {"type": "number"}]},
            "inner": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
        },
        "required": ["city"],
    }

    assert tool_schema(schema) == (schema, "")


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"type": ["object", "null"]}])
def test_a_function_without_arguments_has_an_empty_object(schema: Any) -> None:
    assert tool_schema(schema) == ({"type": "object", "properties": {}}, "")


def test_lost_keywords_are_said() -> None:
    assert property_of({"type": "integer", "description": "How many", "minimum": 1, "default": 3, "title": "N"}) == {
        "type": "integer",
        "description": "How many (minimum: 1; default: 3)",
    }
    assert property_of({"type": "string", "pattern": "^a", "format": "date-time"})["description"] == "(pattern: ^a; format: date-time)"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "boolean", "default": False}, "(default: false)"),
        ({"type": "object", "additionalProperties": False}, "(additionalProperties: false)"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, '(additionalProperties: {"type":"number"})'),
        ({"prefixItems": [{"type": "string"}], "items": False}, '(prefixItems: [{"type":"string"}]; items: false)'),
        ({"enum": [True, False], "const": False}, ""),
        ({"type": "array", "uniqueItems": False, "deprecated": False, "nullable": False, "readOnly": False, "writeOnly": False}, ""),
        ({"type": "number", "exclusiveMinimum": False, "exclusiveMaximum": False}, ""),
        ({"type": "array", "uniqueItems": True}, "(uniqueItems: true)"),
    ],
)
def test_what_is_false_is_said_where_that_says_something(schema: Any, words: str) -> None:
    found = property_of(schema)

    assert found.get("description", "") == words
    assert "items" not in found
    assert found.get("enum") == ([False] if "const" in schema else None)


def test_a_closed_function_says_so() -> None:
    assert tool_schema({"type": "object", "properties": {"a": {}}, "additionalProperties": False}) == (
        {"type": "object", "properties": {"a": {}}},
        "(additionalProperties: false)",
    )


def test_two_kinds_of_alternatives_are_both_told() -> None:
    assert property_of({"anyOf": [{"type": "string"}], "oneOf": [{"minLength": 2}]}) == {
        "anyOf": [{"type": "string"}],
        "description": '(oneOf: [{"minLength":2}])',
    }
    assert property_of({"anyOf": [], "oneOf": [{"type": "string"}]}) == {"anyOf": [{"type": "string"}]}


def test_references_are_replaced_by_what_they_refer_to() -> None:
    definitions = {"City": {"type": "string", "description": "A city"}, "a/b": {"type": "number"}}

    assert property_of({"$ref": "#/$defs/City"}, **{"$defs": definitions}) == {"type": "string", "description": "A city"}
    assert property_of({"$ref": "#/$defs/City", "description": "From"}, **{"$defs": definitions}) == {
        "type": "string",
        "description": "From",
    }
    assert property_of({"$ref": "#/$defs/City", "default": "Oslo"}, **{"$defs": definitions})["description"] == "A city (default: Oslo)"
    assert property_of({"$ref": "#/definitions/a~1b"}, definitions=definitions) == {"type": "number"}


@pytest.mark.parametrize("reference", ["#/$defs/Nobody", "https://example.com/schema.json", "#/$defs/Node/x/y"])
def test_references_that_lead_nowhere_are_any_object(reference: str) -> None:
    assert property_of({"$ref": reference}, **{"$defs": {"Node": {}}}) == {"type": "object"}


def test_a_schema_that_contains_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}

    assert property_of({"$ref": "#/$defs/Node"}, **{"$defs": {"Node": node}}) == {
        "type": "object",
        "properties": {"next": {"type": "object"}},
    }


def test_references_that_multiply_are_followed_only_so_often() -> None:
    levels = {f"L{n}": {"type": "object", "properties": {k: {"$ref": f"#/$defs/L{n + 1}"} for k in "abcdefgh"}} for n in range(20)}

    assert len(orjson.dumps(property_of({"$ref": "#/$defs/L0"}, **{"$defs": levels}))) < 500_000


def referring(references: int, letters: int, properties: int = 0) -> Tool:
    """A function that refers so often to one definition, which has so long a description and so many properties."""
    inner = {f"q{number}": {"type": "string"} for number in range(properties)}
    definition = {"type": "object", "description": "d" * letters, "properties": inner}
    arguments = {f"p{number}": {"$ref": "#/$defs/B"} for number in range(references)}
    return Tool("f", parameters={"type": "object", "properties": arguments, "$defs": {"B": definition}})


@pytest.mark.parametrize(
    "tools",
    [
        [referring(300, 0, properties=8000)],
        [referring(300, 200_000)],
        [referring(3, 10_000)] * 100,
    ],
    ids=["properties", "description", "many functions"],
)
def test_a_request_is_not_many_times_larger_for_its_references(tools: list[Tool]) -> None:
    written = orjson.dumps(tools_json(tools))
    assert len(written) < 2 * len(orjson.dumps([tool.parameters for tool in tools])) + 512 * 1024


def test_what_has_no_room_is_any_object() -> None:
    tools = tools_json([referring(30, 20_000)] * 2)
    one, other = (list(tool["function"]["parameters"]["properties"].values()) for tool in tools)
    assert one[0] == {"type": "object", "description": "d" * 20_000, "properties": {}}
    assert [one[-1], *other] == [{"type": "object"}] * 31


def test_small_definitions_may_be_referred_to_often() -> None:
    tools = [referring(300, 50)] * 5
    nodes = [node for tool in tools_json(tools) for node in tool["function"]["parameters"]["properties"].values()]
    assert nodes == [{"type": "object", "description": "d" * 50, "properties": {}}] * 1500


def deep(schema: Any, levels: int = 400) -> Any:
    for _ in range(levels):
        schema = {"allOf": [schema]}
    return schema


@pytest.mark.parametrize(
    "definitions",
    [
        {"A0": deep({"type": "string"})},
        {f"A{number}": {"allOf": [{"$ref": f"#/$defs/A{number + 1}"}]} for number in range(3000)},
        {f"A{number}": deep({"$ref": f"#/$defs/A{number + 1}"}, 60) for number in range(32)},
    ],
    ids=["parts", "references", "both"],
)
def test_parts_of_parts_are_looked_at_only_so_deep(definitions: dict[str, Any]) -> None:
    assert property_of({"$ref": "#/$defs/A0"}, **{"$defs": definitions}) == {}


def test_alternatives_and_parts_become_what_ollama_knows() -> None:
    assert property_of({"oneOf": [{"type": "string"}, {"const": 3}]}) == {"anyOf": [{"type": "string"}, {"enum": [3]}]}
    assert property_of(
        {"allOf": [{"$ref": "#/$defs/A"}, {"properties": {"y": {"type": "number"}}, "required": ["y"]}], "description": "Both"},
        **{"$defs": {"A": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}}},
    ) == {
        "type": "object",
        "properties": {"x": {"type": "string"}, "y": {"type": "number"}},
        "required": ["x", "y"],
        "description": "Both",
    }


def test_alternatives_at_the_top_are_said_of_the_function() -> None:
    schema, words = tool_schema(
        {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {}, "b": {}}, "description": "One"}
    )

    assert schema == {"type": "object", "properties": {"a": {}, "b": {}}}
    assert words == 'One (arguments that fit one of: [{"required":["a"]},{"required":["b"]}])'


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8
)
KEYWORDS = st.sampled_from(
    [*KEPT, "oneOf", "allOf", "$ref", "$defs", "const", "default", "minimum", "additionalProperties", "format", "title"]
)
SCHEMAS = st.recursive(
    st.dictionaries(KEYWORDS, JSON, max_size=4),
    lambda inner: st.dictionaries(
        KEYWORDS, inner | st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2), max_size=4
    ),
    max_leaves=10,
)


@given(SCHEMAS)
def test_whatever_comes_ollama_can_decode_it(schema: dict[str, Any]) -> None:
    built, words = tool_schema(schema)

    assert built["type"] == "object"
    assert isinstance(words, str)
    assert isinstance(built["properties"], dict)
    assert "anyOf" not in built
    assert_decodable(built)
    assert tool_schema(built)[0] == built


def assert_decodable(node: Any) -> None:
    assert node.keys() <= KEPT
    assert isinstance(node.get("type", ""), str | list)
    assert isinstance(node.get("description", ""), str)
    assert isinstance(node.get("enum", []), list)
    assert all(isinstance(name, str) for name in node.get("required", []))
    for inner in (*node.get("properties", {}).values(), *node.get("anyOf", []), *([node["items"]] if "items" in node else [])):
        assert_decodable(inner)
