"""Schemas that no author of one would write, at every kind of upstream: they are sent, rewritten or refused, and break nothing."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.canonical.request import ChatRequest, Message, ResponseFormat, TextPart, Tool
from proxy.dialects.registry import egress_of
from proxy.errors import InvalidRequest
from proxy.profiles import PROFILES
from proxy.routing import Route

# Of each dialect the kinds of servers that get schemas in another way.
KINDS = {
    "openai": ("generic", "openai", "lmstudio", "openrouter", "mistral"),
    "ollama": ("ollama-native",),
    "anthropic": ("anthropic", "claude-5", "claude-4.5", "claude-4"),
    "gemini": ("gemini", "gemini-2.5", "gemini-2.0", "gemma"),
}
KEYWORDS = st.sampled_from(
    [
        *("type", "description", "title", "enum", "const", "required", "$ref", "anyOf", "oneOf", "allOf", "properties", "items"),
        *("prefixItems", "format", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "additionalProperties", "$defs"),
        *("definitions", "pattern", "default", "nullable", "not", "if", "propertyOrdering", "minLength", "strict", "uniqueItems"),
        *("examples", "deprecated", "discriminator", "patternProperties", "multipleOf"),
    ]
)
WORDS = st.sampled_from(["", "x", "object", "string", "array", "integer", "null", "date-time", "#", "#/$defs/a", "#/properties/a"])
ODD = st.none() | st.booleans() | st.sampled_from([0, 1, -1, 2.5, 10**30]) | WORDS
TYPES = st.sampled_from(["object", "string", "array", "integer", "number", "boolean", ["string", "null"], ["object", "array"]])


def node(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A schema, or what stands where one should."""
    named = st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    fair = st.fixed_dictionaries({}, optional={"type": TYPES, "properties": named, "items": inner, "anyOf": st.lists(inner, max_size=3)})
    return st.lists(inner, max_size=2) | named | st.builds(lambda one, more: one | more, fair, st.dictionaries(KEYWORDS, inner, max_size=4))


VALUES = st.recursive(ODD, node, max_leaves=12)
SCHEMAS = st.builds(
    lambda schema, definitions: schema | definitions,
    st.dictionaries(KEYWORDS, VALUES, max_size=5),
    st.just({}) | st.fixed_dictionaries({"$defs": st.dictionaries(st.sampled_from("ab"), VALUES)}),
)
ASKED = (Message("user", (TextPart("hi"),)),)


@pytest.mark.parametrize(("dialect", "kind"), [(dialect, kind) for dialect, kinds in KINDS.items() for kind in kinds])
@settings(max_examples=60)
@given(SCHEMAS, st.sampled_from([None, True, False]), st.booleans())
def test_no_schema_breaks_what_asks_for_it(dialect: str, kind: str, schema: dict[str, Any], strict: bool | None, may_loosen: bool) -> None:
    route = Route("it", "m", "m", PROFILES[kind])
    tools = (Tool("f", "d", schema, strict, may_loosen=may_loosen),)
    wanted = ResponseFormat("json_schema", schema, strict=strict)
    for request in (
        ChatRequest("m", ASKED, tools=tools),
        ChatRequest("m", ASKED, response_format=wanted),
        ChatRequest("m", ASKED, tools=tools, response_format=wanted),
    ):
        with contextlib.suppress(InvalidRequest):
            body = egress_of(dialect).build_chat(request, route).body
            assert body is not None
            assert isinstance(orjson.loads(body), dict)


@pytest.mark.parametrize("kind", KINDS["anthropic"])
def test_a_format_that_is_no_word_breaks_nothing(kind: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "format": ["date", "time"]}}}
    request = ChatRequest("m", ASKED, response_format=ResponseFormat("json_schema", schema))
    assert egress_of("anthropic").build_chat(request, Route("it", "m", "m", PROFILES[kind])).body
