"""Schemas of OpenAPI's subset: what each keyword becomes, and what must hold for all schemas."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import jsonschema
import orjson
import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.gemini.json_schema import tidied
from proxy.dialects.gemini.sanitiser import sanitised
from proxy.dialects.gemini.schema_values import TYPES

KNOWN = {
    *("type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties", "required", "pattern"),
    *("minProperties", "maxProperties", "minLength", "maxLength", "minimum", "maximum", "anyOf", "propertyOrdering"),
}
ANYTHING = {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}, {"type": "BOOLEAN"}]}


@pytest.mark.parametrize(
    ("schema", "becomes"),
    [
        ({"type": "string", "title": "T", "description": "D"}, {"type": "STRING", "title": "T", "description": "D"}),
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"type": "null"}, {"type": "STRING", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "description": "D"}, {"type": "STRING", "nullable": True, "description": "D"}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer", "description": "I"}, {"type": "null"}], "description": "D", "title": "T"},
            {
                "anyOf": [
                    {"type": "STRING", "nullable": True, "description": "D"},
                    {"type": "INTEGER", "description": "I", "nullable": True},
                ]
            },
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {
                "anyOf": [
                    {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["a"]},
                    {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
                ]
            },
        ),
        (
            {
                "allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {"type": "integer"}}}],
                "type": "object",
            },
            {"type": "OBJECT", "properties": {"b": {"type": "INTEGER"}, "a": {"type": "STRING"}}, "required": ["a"]},
        ),
        ({"const": "x"}, {"type": "STRING", "enum": ["x"]}),
        ({"enum": ["x", "y", "x"]}, {"type": "STRING", "enum": ["x", "y"]}),
        ({"enum": ["x", None]}, {"type": "STRING", "enum": ["x"], "nullable": True}),
        ({"type": "string", "enum": ["x", ""]}, {"type": "STRING", "description": '(one of: ["x",""])'}),
        ({"type": "integer", "enum": [1, 2, 3]}, {"type": "INTEGER", "description": "(one of: [1,2,3])"}),
        ({"type": "integer", "format": "enum", "enum": ["1"]}, {"type": "INTEGER", "description": '(one of: ["1"])'}),
        ({"type": "integer", "const": 2, "description": "D"}, {"type": "INTEGER", "description": "D (one of: [2])"}),
        ({"type": "number", "enum": [0.5]}, {"type": "NUMBER", "description": "(one of: [0.5])"}),
        (
            {"enum": ["x", 1]},
            {"anyOf": [{"type": "STRING", "description": '(one of: ["x",1])'}, {"type": "INTEGER", "description": '(one of: ["x",1])'}]},
        ),
        ({"const": True}, {"type": "BOOLEAN", "description": "(one of: [true])"}),
        ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 9}, {"type": "INTEGER", "minimum": 4, "maximum": 8}),
        ({"type": "number", "exclusiveMinimum": 0.5}, {"type": "NUMBER", "minimum": 0.5}),
        ({"type": "integer", "minimum": 3, "exclusiveMinimum": True}, {"type": "INTEGER", "minimum": 4}),
        ({"type": "integer", "minimum": 3, "exclusiveMinimum": 1}, {"type": "INTEGER", "minimum": 3}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        ({"type": "string", "format": "email"}, {"type": "STRING", "description": "(format: email)"}),
        ({"type": "integer", "format": "int64"}, {"type": "INTEGER", "format": "int64"}),
        ({"type": "string", "pattern": "a+", "minLength": 1}, {"type": "STRING", "minLength": 1, "pattern": "a+"}),
        ({"type": "string", "default": "x", "description": "D"}, {"type": "STRING", "description": 'D (default: "x")'}),
        ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
        ({"type": "array", "items": {}}, {"type": "ARRAY", "items": {"type": "STRING"}}),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "maxItems": 2},
            {"type": "ARRAY", "maxItems": 2, "items": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}},
        ),
        ({"items": {"type": "integer"}}, {"type": "ARRAY", "items": {"type": "INTEGER"}}),
        ({"properties": {"a": True}}, {"type": "OBJECT", "properties": {"a": ANYTHING}}),
        ({"properties": {"a": False, "b": {"type": "string"}}}, {"type": "OBJECT", "properties": {"b": {"type": "STRING"}}}),
        ({"type": "object", "required": ["a"]}, {"type": "OBJECT"}),
        ({"minLength": 2}, {"type": "STRING", "minLength": 2}),
        ({}, ANYTHING),
        ({"type": "object", "additionalProperties": False, "$schema": "x", "$id": "y", "$comment": "z"}, {"type": "OBJECT"}),
    ],
)
def test_each_keyword_has_its_place_or_goes(schema: dict[str, Any], becomes: dict[str, Any]) -> None:
    assert sanitised(schema) == becomes
    assert sanitised(becomes) == becomes


def test_references_are_written_out() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A", "description": "here"}, "b": {"$ref": "#/definitions/x~1y"}, "c": {"$ref": "other.json"}},
        "$defs": {"A": {"type": "string", "description": "there"}},
        "definitions": {"x/y": {"type": "integer"}},
    }
    assert sanitised(schema)["properties"] == {
        "a": {"type": "STRING", "description": "here"},
        "b": {"type": "INTEGER"},
        "c": {"type": "OBJECT"},
    }


B = {"properties": {"b": {"type": "integer"}}, "required": ["b"]}
OF_BOTH = {"type": "OBJECT", "properties": {"b": {"type": "INTEGER"}, "kind": {"type": "STRING"}}, "required": ["kind", "b"]}


@pytest.mark.parametrize(
    "referring",
    [
        {"$ref": "#/$defs/B"},
        {"anyOf": [{"$ref": "#/$defs/B"}]},
        {"allOf": [{"$ref": "#/$defs/B"}]},
        {"$ref": "#/$defs/OfB", "allOf": [{}]},
        {"$ref": "#/$defs/AnyB"},
    ],
)
def test_an_object_has_the_properties_of_what_it_refers_to_too(referring: dict[str, Any]) -> None:
    own = {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]}
    others = {"B": B, "OfB": {"allOf": [{"$ref": "#/$defs/B"}]}, "AnyB": {"oneOf": [{"$ref": "#/$defs/B"}]}}
    assert sanitised({**own, **referring, "$defs": others}) == OF_BOTH


E = {"type": "object", "properties": {"id": {"type": "string"}}}
OF_E = {"type": "OBJECT", "properties": {"id": {"type": "STRING"}}}
TO_E = {"$ref": "#/$defs/E"}


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [TO_E], "properties": {"author": TO_E}},
        {"allOf": [{"$ref": "#/$defs/OfE"}], "properties": {"author": {"$ref": "#/$defs/OfE"}}},
        {**TO_E, "properties": {"author": TO_E}},
        {"anyOf": [TO_E], "properties": {"author": TO_E}},
        {"allOf": [TO_E, {"properties": {"author": TO_E}}]},
        {"allOf": [{"properties": {"author": TO_E}}, TO_E, TO_E]},
        {"allOf": [{"$ref": "#/$defs/Authored"}, TO_E]},
        {"allOf": [TO_E, {"$ref": "#/$defs/Authored"}]},
    ],
)
def test_what_is_used_twice_side_by_side_is_no_circle(schema: dict[str, Any]) -> None:
    definitions = {"E": E, "OfE": {"allOf": [TO_E]}, "Authored": {"properties": {"author": TO_E}}}
    built = sanitised({"type": "object", **schema, "$defs": definitions})
    assert built == {"type": "OBJECT", "properties": {"id": {"type": "STRING"}, "author": OF_E}}


def test_a_circle_by_what_all_of_them_are_ends() -> None:
    node = {"type": "object", "properties": {"child": {"allOf": [{"$ref": "#/$defs/Node"}], "description": "d"}}}
    choice = {"properties": {"next": {"anyOf": [{"$ref": "#/$defs/Choice"}, {"type": "null"}]}}}
    tree = sanitised({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
    assert tree["properties"] == {"child": {"type": "OBJECT", "description": "d"}}
    built = sanitised({"allOf": [{"$ref": "#/$defs/Choice"}], "properties": choice["properties"], "$defs": {"Choice": choice}})
    assert len(orjson.dumps(built)) < 500


def test_parts_that_are_all_of_one_another_do_not_take_time_without_end() -> None:
    names = [f"d{number}" for number in range(24)]
    definitions: dict[str, Any] = {
        name: {"allOf": [{"$ref": f"#/$defs/{below}"}, {"$ref": f"#/$defs/{below}"}], "properties": {name: {}}}
        for name, below in pairwise(names)
    }
    began = time.process_time()
    assert sanitised({"type": "object", "allOf": [{"$ref": "#/$defs/d0"}], "$defs": definitions | {"d23": E}})["type"] == "OBJECT"
    assert time.process_time() - began < 3, "where each way is gone, it takes minutes"


def test_a_reference_that_leads_round_ends_in_any_object() -> None:
    tree = {"$ref": "#/$defs/Node", "$defs": {"Node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/Node"}}}}}
    assert sanitised(tree) == {"type": "OBJECT", "properties": {"child": {"type": "OBJECT"}}}
    assert sanitised({"$ref": "#"}) == {"type": "OBJECT"}
    assert sanitised({"allOf": [{"$ref": "#"}]})


NODE = {"$ref": "#/$defs/Node"}
NAME = {"name": {"type": "string"}}
END = {"type": "OBJECT"}


@pytest.mark.parametrize(
    ("node", "becomes"),
    [
        ([{"properties": NAME | {"next": NODE}}], {"name": {"type": "STRING"}, "next": END}),
        ([{"properties": {"left": NODE, "right": NODE}}], {"left": END, "right": END}),
        ([{"$ref": "#/$defs/Base"}, {"properties": {"kids": {"type": "array", "items": NODE}}}], {"kids": {"type": "ARRAY", "items": END}}),
        ([{"allOf": [{"properties": {"next": {"allOf": [NODE]}}}]}], {"next": END}),
        ([{"anyOf": [{"properties": {"next": NODE}}]}], {"next": END}),
        ([{"properties": {"next": {"anyOf": [NODE, {"type": "null"}]}}}], {"next": {**END, "nullable": True}}),
    ],
    ids=["list", "tree", "inheritance", "all of all of", "any of", "any or null"],
)
def test_a_definition_that_is_all_of_some_and_refers_to_itself_is_written_once(node: list[Any], becomes: dict[str, Any]) -> None:
    base = {"type": "object", "properties": {"id": {"type": "string"}}}
    built = sanitised({"type": "object", "properties": {"root": NODE}, "$defs": {"Node": {"type": "object", "allOf": node}, "Base": base}})
    root = built["properties"]["root"]
    assert {name: inner for name, inner in root["properties"].items() if name != "id"} == becomes


def test_definitions_that_hold_each_other_many_times_do_not_grow_without_end() -> None:
    names = [f"d{number}" for number in range(30)]
    definitions: dict[str, Any] = {
        name: {"type": "object", "properties": {key: {"$ref": f"#/$defs/{below}"} for key in "abcd"}} for name, below in pairwise(names)
    }
    built = sanitised({"$ref": "#/$defs/d0", "$defs": definitions | {"d29": {"type": "string"}}})
    assert sum(1 for _ in nodes(built)) < 20_000


PLACES = {f"p{number}": {"$ref": "#/$defs/B"} for number in range(2000)}
MANY = {name: {"type": "string"} for name in PLACES}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": PLACES, "$defs": {"B": {"type": "string", "description": "long " * 4000}}},
        {"properties": PLACES, "$defs": {"B": {"enum": list(PLACES)}}},
        {"properties": PLACES, "$defs": {"B": {"properties": {"long " * 4000: {"type": "string"}}}}},
        {"properties": PLACES, "$defs": {"B": {"properties": MANY, "required": list(MANY)}}},
    ],
    ids=["words", "values", "names", "nodes"],
)
def test_what_is_referred_to_in_many_places_does_not_grow_without_end(schema: dict[str, Any]) -> None:
    assert len(orjson.dumps(sanitised({"type": "object", **schema}))) < 1_500_000


@pytest.mark.parametrize(
    "node",
    [
        {"anyOf": [{"const": f"v{number}", "description": f"d{number}"} for number in range(20_000)]},
        {"anyOf": [{"properties": {name: {}}} for name in MANY], "properties": MANY, "required": list(MANY)},
        {"allOf": [{"properties": {f"p{number}": {}}, "required": [f"p{number}"]} for number in range(20_000)]},
    ],
    ids=["constants", "beside", "all of"],
)
def test_choices_cost_no_more_than_their_number(node: dict[str, Any]) -> None:
    began = time.process_time()
    sanitised({"type": "object", "properties": {"a": node}})
    assert time.process_time() - began < 3, "where each is compared with all others, it takes far longer"


def test_equal_choices_are_one() -> None:
    of_words, of_more = {"type": "string", "description": "d"}, {"description": "d", "type": "string"}
    assert sanitised({"anyOf": [of_words, of_more, {"type": "integer", "maximum": 2**70}, {"type": "integer", "maximum": 2**70}]}) == {
        "anyOf": [{"type": "STRING", "description": "d"}, {"type": "INTEGER", "maximum": 2**70}]
    }


def nodes(schema: dict[str, Any]) -> Any:
    yield schema
    for below in (*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
        yield from nodes(below)


# Laws

NAMES = st.sampled_from(["a", "b", "c"])
WORDS = st.sampled_from(["string", "number", "integer", "boolean", "array", "object", "null", "STRING", "any"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 9) | st.floats(-3, 9) | st.sampled_from(["", "a", "b"])
REFERENCES = st.sampled_from(["#/$defs/a", "#/$defs/b", "#/$defs/c", "#", "#/nowhere", "far.json"])


def keyworded(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas with a few keywords: what many would do together, these do in pairs and threes."""
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": WORDS | st.lists(WORDS, max_size=3),
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "required": st.lists(NAMES, max_size=3),
        "items": inner | st.lists(inner, max_size=2),
        "prefixItems": st.lists(inner, max_size=2),
        "anyOf": st.lists(inner, max_size=3),
        "oneOf": st.lists(inner, max_size=2),
        "allOf": st.lists(inner, max_size=2),
        "not": inner,
        "$ref": REFERENCES,
        "$defs": st.dictionaries(NAMES, inner, max_size=2),
        "enum": st.lists(SCALARS, max_size=3),
        "const": SCALARS,
        "format": st.sampled_from(["date-time", "email", "int32", "float", "enum"]),
        "minimum": st.integers(-3, 9),
        "exclusiveMinimum": st.integers(-3, 9) | st.booleans(),
        "exclusiveMaximum": st.floats(-3, 9),
        "minLength": st.integers(-1, 3),
        "maxItems": st.integers(0, 3),
        "pattern": st.just("a*"),
        "default": SCALARS,
        "additionalProperties": st.booleans() | inner,
        "nullable": st.booleans(),
        "description": st.sampled_from(["", "D"]) | st.none(),
        "title": st.sampled_from(["T", 7]),
        "propertyOrdering": st.lists(NAMES, max_size=2),
    }
    return st.lists(st.one_of(*(st.tuples(st.just(name), value) for name, value in keywords.items())), max_size=5).map(dict)


SCHEMAS = st.recursive(st.booleans() | keyworded(st.booleans()), keyworded, max_leaves=8).filter(lambda schema: isinstance(schema, dict))


@given(SCHEMAS)
def test_nothing_is_left_that_gemini_does_not_know(schema: dict[str, Any]) -> None:
    built = sanitised(schema)
    types.Schema.model_validate(built)
    for node in nodes(built):
        assert node.keys() <= KNOWN
        if "anyOf" in node:
            assert node.keys() == {"anyOf"}
            assert len(node["anyOf"]) > 1
            assert not any("anyOf" in branch for branch in node["anyOf"])
            continue
        assert node["type"] in TYPES
        assert ("items" in node) == (node["type"] == "ARRAY")
        assert set(node.get("required", [])) <= set(node.get("properties", {}))
        assert all(isinstance(value, str) and value for value in node.get("enum", ["x"]))
        assert node["type"] == "STRING" or "enum" not in node


def depth(value: Any) -> int:
    """How many objects and lists stand in each other there."""
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((1 + depth(inner) for inner in below), default=0)


REFERRING = st.recursive(st.builds(lambda reference: {"$ref": reference}, REFERENCES), keyworded, max_leaves=8)


@given(REFERRING, REFERRING, REFERRING, REFERRING)
def test_no_way_leads_twice_through_a_definition(root: dict[str, Any], a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    whole = {**root, "$defs": {"a": a, "b": b, "c": c}}
    # What stands beside a choice stands one node deeper in its branches, and `#` leads to the root, which no reference led to before.
    assert depth(sanitised(whole)) <= 2 * (2 * depth(root) + depth(a) + depth(b) + depth(c)) + 4


@given(SCHEMAS)
def test_what_is_clean_stays_as_it_is(schema: dict[str, Any]) -> None:
    built = sanitised(schema)
    assert sanitised(built) == built


def as_json_schema(node: dict[str, Any]) -> dict[str, Any]:
    """What a clean schema says, in JSON schema's words."""
    if "anyOf" in node:
        return {"anyOf": [as_json_schema(branch) for branch in node["anyOf"]]}
    said = {key: item for key, item in node.items() if key not in ("nullable", "propertyOrdering", "format", "title", "description")}
    said["type"] = node["type"].lower()
    if "properties" in node:
        said["properties"] = {name: as_json_schema(below) for name, below in node["properties"].items()}
    if "items" in node:
        said["items"] = as_json_schema(node["items"])
    return {"anyOf": [said, {"type": "null"}]} if node.get("nullable") else said


PLAIN = st.one_of(
    st.builds(lambda least, most: {"type": "integer", "exclusiveMinimum": least, "maximum": most}, st.integers(-3, 3), st.integers(0, 9)),
    st.builds(lambda values: {"enum": values}, st.lists(st.sampled_from(["", "a", "b", 1, 2, None, True, 0.5]), min_size=1, max_size=3)),
    st.builds(lambda value: {"const": value}, st.sampled_from(["a", "", 1, False])),
    st.builds(lambda words: {"type": words}, st.lists(st.sampled_from(["string", "integer", "null", "boolean"]), min_size=1, max_size=2)),
    st.builds(lambda least: {"type": "string", "minLength": least}, st.integers(0, 2)),
)


def composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda items: {"type": "array", "items": items, "maxItems": 2}, inner),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda properties, required: {
                "type": "object",
                "properties": properties,
                "required": [name for name in required if name in properties],
                "additionalProperties": False,
            },
            st.dictionaries(NAMES, inner, max_size=3),
            st.lists(NAMES, max_size=2),
        ),
    )


VALUES = st.recursive(
    st.sampled_from(["", "a", "b", "ab", 0, 1, 2, 5, None, True, False, 0.5]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=4,
)


@given(st.recursive(PLAIN, composed, max_leaves=5), st.lists(VALUES, max_size=12))
def test_what_the_client_allows_stays_allowed(schema: dict[str, Any], values: list[Any]) -> None:
    loose = jsonschema.Draft202012Validator(as_json_schema(sanitised(schema)))
    strict = jsonschema.Draft202012Validator(schema)
    for value in values:
        assert loose.is_valid(value) or not strict.is_valid(value)


@given(SCHEMAS)
def test_a_tidied_schema_has_nothing_beside_its_references(schema: dict[str, Any]) -> None:
    tidy = tidied(schema)
    assert tidied(tidy) is tidy
    assert tidied({"type": "object", "properties": {"$ref": {"type": "string"}, "a": {}}})["properties"].keys() == {"$ref", "a"}
