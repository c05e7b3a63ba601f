"""What one client's value brings about for others: nothing. Two clients ask the same model, and the value of one of them is refused."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import orjson
import pytest

from proxy.dialects.anthropic import egress as anthropic
from proxy.dialects.gemini import egress as gemini
from proxy.dialects.openai import egress as openai
from proxy.dialects.openai.asking import parse_chat
from proxy.gateway.steps import MAX_REPAIRS
from proxy.profiles import PROFILES, Profile
from proxy.routing import Route

ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi, in json"}]}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}}
CALLED = {"type": "function", "function": {"name": "f"}}


def built(egress: ModuleType, profile: Profile, asked: dict[str, Any]) -> Any:
    return orjson.loads(egress.build_chat(parse_chat(ASKED | asked), Route("up", "m", "m", profile)).body)


def said(value: Any, *place: str) -> set[tuple[str, ...]]:
    """Each single value of a body, behind its place."""
    if not isinstance(value, dict):
        return {(*place, repr(value))}
    return {each for name, inner in value.items() for each in said(inner, *place, name)}


def lasting(egress: ModuleType, profile: Profile, bad: dict[str, Any], good: dict[str, Any], refusal: tuple[int, Any]) -> Profile:
    """What is kept of the one request, which is refused as long as it says what the other does not."""
    status, answer = refusal
    refused = said(built(egress, profile, bad)) - said(built(egress, profile, good))
    learnt = profile
    for _ in range(MAX_REPAIRS):
        found = egress.repair(egress.read_error(status, {}, orjson.dumps(answer)), learnt)
        if found is None or not refused & said(built(egress, learnt, bad)):
            break
        learnt = found
    kept: Profile = learnt.as_kept(profile)
    return kept


# A field of chats, one client's value, another's, and what the server calls the field.
OF_OPENAI = [
    ("service_tier", "flex", "priority", "service_tier"),
    ("verbosity", "low", "medium", "verbosity"),
    ("prompt_cache_retention", "24h", "in_memory", "prompt_cache_retention"),
    ("prompt_cache_key", "bad", "good", "prompt_cache_key"),
    ("parallel_tool_calls", True, False, "parallel_tool_calls"),
    ("user", "bad", "good", "user"),
    ("seed", 1, 2, "seed"),
    ("temperature", 0.2, 0.7, "temperature"),
    ("top_p", 0.2, 0.7, "top_p"),
    ("presence_penalty", 1, 0.5, "presence_penalty"),
    ("top_logprobs", 9, 2, "top_logprobs"),
    ("stop", ["bad"], ["good"], "stop"),
    ("tool_choice", "required", CALLED, "tool_choice"),
    ("tool_choice", CALLED, "auto", "tool_choice"),
    ("response_format", {"type": "json_object"}, SCHEMA, "response_format"),
    ("response_format", SCHEMA, {"type": "json_object"}, "response_format"),
    ("max_completion_tokens", 9, 7, "max_completion_tokens"),
]


def openai_words(wire: str, bad: Any, good: Any) -> dict[str, tuple[int, Any]]:
    """How servers in OpenAI's style refuse a value."""

    def error(message: str, param: str | None = wire, code: str | None = None) -> tuple[int, Any]:
        return 400, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}

    bad, good = (value["type"] if isinstance(value, dict) else value for value in (bad, good))
    return {
        "openai": error(
            f"Unsupported value: '{wire}' does not support '{bad}' with this model. Supported values are: '{good}'.",
            code="unsupported_value",
        ),
        "invalid": error(
            f"Invalid {wire} argument: '{bad}' is not supported for this model. Supported values are: '{good}'.", code="invalid_value"
        ),
        "bare": error(f"{wire} '{bad}' is not supported for this model"),
        "nameless": error(f"The value '{bad}' for '{wire}' is not supported by this model.", None),
        "before": error(f"the '{bad}' {wire} is not supported", None),
        "colon": error(f"Unsupported {wire}: {bad}"),
        "assigned": error(f"Unsupported parameter: {wire}={bad}", None),
        "listed": error(f"`{wire}` is not supported. It must be one of '{good}'", None),
        "pydantic": (422, {"detail": [{"type": "literal_error", "loc": ["body", wire], "msg": f"Input should be '{good}'", "input": bad}]}),
    }


WORDINGS = list(openai_words("", "", ""))


def both(field: str, value: Any) -> dict[str, Any]:
    """What the field needs beside it, too."""
    beside: dict[str, Any] = {"top_logprobs": {"logprobs": True}, "tool_choice": {"tools": TOOLS}, "parallel_tool_calls": {"tools": TOOLS}}
    return {field: value, **beside.get(field, {})}


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize(("field", "bad", "good", "wire"), OF_OPENAI)
@pytest.mark.parametrize("name", ["openai", "azure"])
def test_a_value_that_is_refused_takes_no_field_from_others(name: str, field: str, bad: Any, good: Any, wire: str, wording: str) -> None:
    profile, asked = PROFILES[name], both(field, good)
    kept = lasting(openai, profile, both(field, bad), asked, openai_words(wire, bad, good)[wording])
    assert built(openai, kept, asked) == built(openai, profile, asked)


@pytest.mark.parametrize("name", ["temperature", "top_p"])
def test_a_field_whose_default_alone_is_taken_is_sent_by_nobody(name: str) -> None:
    words = f"Unsupported value: '{name}' does not support 0.2 with this model. Only the default (1) value is supported."
    refusal = (400, {"error": {"message": words, "param": name, "code": "unsupported_value"}})
    kept = lasting(openai, PROFILES["openai"], {name: 0.2}, {name: 0.7}, refusal)
    assert name not in built(openai, kept, {name: 0.7})


@pytest.mark.parametrize(
    "words",
    [
        "Invalid 'stop[0]': string too long. Expected a string with maximum length 64, but got a string with length 100 instead.",
        "Invalid 'stop': array too long. Expected an array with maximum length 4.",
    ],
)
def test_a_stop_that_is_too_long_lets_others_stop(words: str) -> None:
    profile, asked = PROFILES["openai"], {"stop": ["END"]}
    refusal = (400, {"error": {"message": words, "param": "stop", "code": "string_above_max_length"}})
    kept = lasting(openai, profile, {"stop": ["x" * 100]}, asked, refusal)
    assert built(openai, kept, asked) == built(openai, profile, asked)


@pytest.mark.parametrize(
    "words",
    [
        "Invalid 'response_format.json_schema.name': string does not match pattern. Expected a string that matches '^[a-zA-Z0-9_-]+$'.",
        "Invalid 'response_format.json_schema.name': string too long. Expected a string with maximum length 64.",
    ],
)
def test_a_name_of_a_schema_that_is_refused_says_nothing_of_schemas(words: str) -> None:
    profile, asked = PROFILES["openai"], {"response_format": SCHEMA}
    named = {"type": "json_schema", "json_schema": SCHEMA["json_schema"] | {"name": "my schema"}}  # type: ignore[operator]
    refusal = (400, {"error": {"message": words, "param": "response_format.json_schema.name", "code": "invalid_value"}})
    kept = lasting(openai, profile, {"response_format": named}, asked, refusal)
    assert built(openai, kept, asked) == built(openai, profile, asked)


@pytest.mark.parametrize(
    ("profile", "bad", "good", "words"),
    [
        ("gemini", {"service_tier": "flex"}, {"service_tier": "priority"}, "'flex' serviceTier is not supported for this model"),
        (
            "gemini",
            {"service_tier": "flex"},
            {"service_tier": "priority"},
            "service_tier 'flex' is not supported. Allowed values: 'priority'",
        ),
        (
            "gemini",
            {"service_tier": "flex"},
            {"service_tier": "priority"},
            "The value 'flex' of serviceTier is not supported for this model",
        ),
        ("gemini", {"service_tier": "flex"}, {"service_tier": "priority"}, "Invalid value at 'service_tier' (ServiceTier), \"flex\""),
        ("gemini", {"top_p": 0.1}, {"top_p": 0.9}, "topP is not supported below 0.5: it must be between 0.5 and 1"),
        ("gemini", {"presence_penalty": 2}, {"presence_penalty": 1}, "presence_penalty: 2 is invalid. It must be in the range [-2, 2)"),
        ("gemini", {"logprobs": True, "top_logprobs": 9}, {"logprobs": True, "top_logprobs": 2}, "Invalid value at 'logprobs': 9"),
        ("gemini", {"logprobs": True, "top_logprobs": 9}, {"logprobs": True}, "logprobs value 9 is invalid: choose one between 0 and 5"),
        ("gemini", {"stop": ["x" * 100]}, {"stop": ["END"]}, "stop_sequences: a sequence exceeds 64 characters"),
        ("gemini", {"reasoning_effort": "minimal"}, {"reasoning_effort": "low"}, "Thinking level MINIMAL is not supported for this model."),
        ("anthropic", {"top_p": 0.1}, {"top_p": 0.96}, "`top_p` values below 0.95 are not supported for this model"),
        ("anthropic", {"user": "x" * 300}, {"user": "u"}, "metadata.user_id: String should have at most 256 characters"),
        ("anthropic", {"stop": ["x" * 300]}, {"stop": ["END"]}, "stop_sequences.0: String should have at most 2 characters"),
        (
            "claude-5",
            {"reasoning_effort": "max"},
            {"reasoning_effort": "low"},
            "output_config.effort: 'max' is not supported on this model",
        ),
    ],
)
def test_so_it_is_with_google_and_anthropic(profile: str, bad: dict[str, Any], good: dict[str, Any], words: str) -> None:
    egress = gemini if profile == "gemini" else anthropic
    answers = {
        gemini: {"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}},
        anthropic: {"type": "error", "error": {"type": "invalid_request_error", "message": words}},
    }
    before = PROFILES[profile]
    kept = lasting(egress, before, bad, good, (400, answers[egress]))
    assert built(egress, kept, good) == built(egress, before, good)
