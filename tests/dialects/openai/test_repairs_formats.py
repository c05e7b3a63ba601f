"""What is learnt of the formats that answers can have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.profiles import PROFILES, Profile
from tests.dialects.openai.asking import a_refusal, openai_refusal
from tests.dialects.openai.learnt import GENERIC, OPENAI, learnt


def test_json_needs_its_word() -> None:
    message = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
    assert learnt(openai_refusal(message, "messages"), "vllm") == {"json_word": "say"}


def test_lm_studio_wants_a_schema() -> None:
    error = a_refusal({"error": "'response_format.type' must be 'json_schema' or 'text'"})
    assert learnt(error) == {"json_mode": "json_schema"}
    assert learnt(error, replace(GENERIC, json_schema=False)) == {"json_mode": "prompt"}


@pytest.mark.parametrize(
    "message",
    [
        "This response_format type is unavailable now",
        "Failed to deserialize the JSON body into the target type: response_format: response_format.type `json_schema` is unavailable now",
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
        "This model does not support response format `json_schema`.",
        "Unrecognized request argument supplied: response_format",
    ],
)
def test_a_format_that_is_refused_steps_down_to_words(message: str) -> None:
    error = openai_refusal(message, "response_format")
    assert learnt(error) == {"json_schema": False}
    assert learnt(error, replace(GENERIC, json_schema=False)) == {"json_mode": "prompt"}
    assert learnt(error, replace(GENERIC, json_schema=False, json_mode="prompt")) == {}


def test_any_object_that_is_refused_becomes_a_schema_then_words() -> None:
    error = openai_refusal("response_format json_object is not supported")
    assert learnt(error) == {"json_mode": "json_schema"}
    assert learnt(error, "lmstudio") == {"json_mode": "prompt"}


@pytest.mark.parametrize(("sent", "change"), [("json_schema", {"json_schema": False}), ("json_object", {"json_mode": "json_schema"})])
def test_a_server_that_says_what_it_got_is_not_sent_that(sent: str, change: dict[str, Any]) -> None:
    message = f'response_format type must be one of "text" or "other", but got: {sent}'
    assert learnt(openai_refusal(message)) == change


def test_a_server_of_schemas_that_refuses_them_is_asked_in_words() -> None:
    error = openai_refusal("This response_format type is unavailable now")
    assert learnt(error, "lmstudio") == {"json_schema": False, "json_mode": "prompt"}


def test_formats_that_cannot_stream_do_not() -> None:
    assert learnt(openai_refusal("response_format` does not support streaming")) == {"streams": "unformatted"}


@pytest.mark.parametrize(
    "message",
    [
        "json mode cannot be combined with tool/function calling",
        "'response_format` json_object cannot be combined with tool/function calling",
        "Cannot use custom grammar constraints with tools.",
        "Tools are not supported together with response_format",
    ],
)
def test_formats_that_exclude_tools_go_into_words(message: str) -> None:
    assert learnt(openai_refusal(message)) == {"format_with_tools": False}


def test_two_limits_of_formats_in_one_sentence_are_both_learnt() -> None:
    message = "Streaming and tool use are not currently supported with Structured Outputs"
    assert learnt(openai_refusal(message)) == {"streams": "unformatted", "format_with_tools": False}


def test_a_schema_that_is_not_strict_enough_is_sent_as_a_loose_one() -> None:
    message = "Invalid schema for response_format 'response': In context=(), 'additionalProperties' is required to be supplied."
    assert learnt(openai_refusal(message, "response_format")) == {"strict_schema": False, "passing": frozenset({"strict_schema"})}
    assert learnt(openai_refusal(message, "response_format"), replace(OPENAI, strict_schema=False)) == {}


@pytest.mark.parametrize(
    ("message", "profile"),
    [
        ("Invalid schema for response_format 'n': In context=(), 'minimum' is not permitted.", replace(OPENAI, strict_schema=False)),
        ("response_format: Unsupported keyword 'not' in schema; it is not supported", OPENAI),
        ("Structured outputs: the schema contains features that are not supported by xgrammar", GENERIC),
        ("response_format: the schema is too complex and not supported", PROFILES["lmstudio"]),
    ],
)
def test_a_schema_that_is_refused_says_nothing_of_others(message: str, profile: Profile) -> None:
    error = openai_refusal(message, "response_format")
    assert learnt(error, profile) == {"json_schema": False, "passing": frozenset({"json_schema"})}
    assert learnt(error, replace(profile, json_schema=False)) == {}


@pytest.mark.parametrize(
    "why",
    [
        "In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'b'.",
        "In context=('properties', 'a'), 'minimum' is not permitted.",
        "In context=('properties', 'url'), 'uri' is not a valid format.",
    ],
)
def test_a_tool_that_is_not_strict_enough_is_sent_as_a_loose_one(why: str) -> None:
    error = openai_refusal(f"Invalid schema for function 'f': {why}", "tools[0].function.parameters")
    assert learnt(error, OPENAI) == {"strict_schema": False, "passing": frozenset({"strict_schema"})}
    assert learnt(error, replace(OPENAI, strict_schema=False)) == {}
    assert learnt(error, PROFILES["vllm"]) == {"strict_tools": "openai"}


@pytest.mark.parametrize(
    "message",
    [
        "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
        "invalid JSON schema for tool f, tools[0].function.parameters: 'additionalProperties' must be false",
        "Tools with mixed values for 'strict' are not allowed. Please set all tools to 'strict: true' or 'strict: false'",
        "tools.0.custom: Too many strict tools (25). The maximum number of strict tools supported is 20.",
    ],
)
def test_tools_that_break_another_servers_rules_are_sent_as_loose_ones(message: str) -> None:
    assert learnt(openai_refusal(message), GENERIC) == {"strict_schema": False, "passing": frozenset({"strict_schema"})}


@pytest.mark.parametrize(
    "message",
    [
        "Tools with strict=True are not supported by this model",
        "Strict mode is not supported for this model",
        "tools[0].function.strict: Extra inputs are not permitted",
    ],
)
def test_a_server_without_strict_tools_gets_none(message: str) -> None:
    assert learnt(openai_refusal(message), GENERIC) == {"strict_schema": False}


@pytest.mark.parametrize(
    "message",
    [
        "tool call validation failed: parameters for tool f did not match schema: errors: [`/x`: additionalProperties 'y' not allowed]",
        "tools.0.cache_control: Extra inputs are not permitted",
        "Missing required parameter: 'tools[0].function.name'.",
    ],
)
def test_what_is_said_of_a_call_or_of_a_tools_other_fields_is_no_matter_of_strictness(message: str) -> None:
    assert not {"strict_schema", "strict_tools"} & learnt(openai_refusal(message), GENERIC).keys()


def test_a_tool_that_is_refused_for_something_else_is_no_matter_of_strictness() -> None:
    message = "Invalid schema for function 'f': In context=('properties', 'a'), array schema missing items."
    assert learnt(openai_refusal(message, "tools[0].function.parameters"), OPENAI) == {}
