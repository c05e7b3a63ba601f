"""The format of answers, as each kind of server is asked for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.canonical.request import ResponseFormat
from proxy.dialects.openai import egress
from proxy.errors import InvalidRequest
from proxy.profiles import PROFILES
from tests.dialects.openai.asking import WEATHER, a_chat_request, built, said, to
from tests.dialects.openai.object_schemas import SCHEMA, STRICT

ANY_OBJECT = {"type": "json_schema", "json_schema": {"name": "response", "schema": {"type": "object"}}}


def format_of(profile: Any, kind: Any = "json_schema", schema: Any = None, say: str = "Hello", **changes: Any) -> tuple[Any, str]:
    """The constraint, and what the system says."""
    body = built(profile, response_format=ResponseFormat(kind, schema), messages=(said("user", say),), **changes)
    return body.get("response_format"), "".join(message["content"] for message in body["messages"] if message["role"] == "system")


def test_a_schema_goes_as_it_came() -> None:
    call = egress.build_chat(a_chat_request(response_format=ResponseFormat("json_schema", SCHEMA)), to("openai"))
    assert call.body is not None
    assert b'"schema":{"type":"object","properties":{"b":{"type":"integer"},"a":{"type":"string"}},"required":["b"]}' in call.body
    assert format_of("openai", schema=SCHEMA) == ({"type": "json_schema", "json_schema": {"name": "response", "schema": SCHEMA}}, "")


def test_a_schema_is_called_strict_when_it_is() -> None:
    constraint, _ = format_of("openai", schema=STRICT)
    assert constraint["json_schema"] == {"name": "response", "schema": STRICT, "strict": True}


@pytest.mark.parametrize("strict", [True, False])
def test_what_the_client_says_of_strictness_counts(strict: bool) -> None:
    body = built("openai", response_format=ResponseFormat("json_schema", STRICT, name="mine", strict=strict))
    assert body["response_format"]["json_schema"] == {"name": "mine", "schema": STRICT, "strict": strict}


def test_strictness_that_was_refused_is_not_claimed_again() -> None:
    constraint, _ = format_of(replace(PROFILES["openai"], strict_schema=False), schema=STRICT)
    assert "strict" not in constraint["json_schema"]


def test_json_is_an_object() -> None:
    assert format_of("vllm", "json") == ({"type": "json_object"}, "")


@pytest.mark.parametrize("profile", ["openai", "azure", "openai-reasoning"])
@pytest.mark.parametrize(("say", "constraint"), [("Hello", ANY_OBJECT), ("As JSON!", {"type": "json_object"})])
def test_json_without_the_word_is_a_schema_where_the_word_is_needed(profile: str, say: str, constraint: Any) -> None:
    assert format_of(profile, "json", say=say) == (constraint, "")


def test_lm_studio_knows_schemas_only() -> None:
    assert format_of("lmstudio", "json") == (ANY_OBJECT, "")


def test_deepseek_gets_a_schema_in_words() -> None:
    constraint, system = format_of("deepseek", schema=SCHEMA)
    assert constraint == {"type": "json_object"}
    assert system.startswith("Answer with JSON that conforms to this JSON schema")
    assert '{"type":"object","properties":{"b":{"type":"integer"}' in system


@pytest.mark.parametrize("profile", ["deepseek", "groq", "generic", replace(PROFILES["openai"], json_schema=False)])
def test_the_word_is_said_where_it_is_needed_and_schemas_are_not_for_sure(profile: Any) -> None:
    constraint, system = format_of(profile, "json")
    assert (constraint, system) == ({"type": "json_object"}, "Answer with one JSON object, and with nothing else.")
    assert format_of(profile, "json", say="json?") == ({"type": "json_object"}, "")


@pytest.mark.parametrize("schema", [None, SCHEMA])
@pytest.mark.parametrize("changes", [{"json_mode": "prompt", "json_schema": False}, {"dropped": frozenset({"response_format"})}])
def test_a_format_that_nobody_constrains_is_asked_for(schema: Any, changes: dict[str, Any]) -> None:
    constraint, system = format_of(replace(PROFILES["generic"], **changes), "json_schema" if schema else "json", schema)
    assert constraint is None
    assert "Answer with " in system


def test_a_format_that_excludes_tools_is_asked_for_in_words_beside_them() -> None:
    constraint, system = format_of("groq", schema=SCHEMA, tools=(WEATHER,))
    assert constraint is None
    assert system.startswith("Unless you call a tool, answer with JSON")
    assert format_of("groq", schema=SCHEMA)[0] is not None, "alone it is a constraint"


def test_instructions_follow_what_the_system_says_already() -> None:
    conversation = (said("system", "Be brief."), said("user", "Hello"))
    body = built("deepseek", response_format=ResponseFormat("json"), messages=conversation)
    assert body["messages"][0] == {"role": "system", "content": "Be brief.\n\nAnswer with one JSON object, and with nothing else."}
    assert len(body["messages"]) == 2


def test_a_schema_where_only_the_object_of_any_kind_is_known_is_told_in_words_as_well() -> None:
    profile = replace(PROFILES["generic"], json_mode="json_schema", json_schema=False)
    constraint, system = format_of(profile, schema=SCHEMA)
    assert constraint == ANY_OBJECT
    assert "conforms to this JSON schema" in system


@pytest.mark.parametrize("name", PROFILES)
def test_integers_of_schemas_keep_all_their_digits(name: str) -> None:
    """As a constraint and in words."""
    wanted = ResponseFormat("json_schema", schema={"type": "object", "properties": {"n": {"maximum": (1 << 64) + 1}}})
    assert b"18446744073709551617}" in (egress.build_chat(a_chat_request(response_format=wanted), to(name)).body or b"")


@pytest.mark.parametrize("levels", [300, 1000])
@pytest.mark.parametrize("profile", ["deepseek", "openai", "generic"])
def test_a_schema_that_is_too_deep_to_be_written_is_the_clients_mistake(profile: str, levels: int) -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"x": schema}, "required": ["x"], "additionalProperties": False}
    with pytest.raises(InvalidRequest, match="can't be written as JSON"):
        built(profile, response_format=ResponseFormat("json_schema", schema))
