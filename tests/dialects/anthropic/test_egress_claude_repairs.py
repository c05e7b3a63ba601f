"""What is learnt from Anthropic's refusals. The sentences are Anthropic's own, or those of its validator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.request import ResponseFormat, Sampling
from proxy.dialects.anthropic.egress import repair
from proxy.profiles import PROFILES, Profile
from tests.dialects.anthropic.asking import NEWEST, WEATHER, built, claude_refusal, said

GENERIC, NEW, OLD = PROFILES["anthropic"], PROFILES[NEWEST], PROFILES["claude-4.5"]
TOO_MANY_OPTIONAL = (
    "Schemas contains too many optional parameters (31), which would make grammar compilation inefficient for structured outputs. Reduce "
    "the number of optional parameters in your tool schemas (limit: 24)."
)
CLOSED = ResponseFormat("json_schema", {"type": "object", "properties": {"a": {}}, "additionalProperties": False})


def learnt(message: str, profile: Profile) -> Profile:
    found = repair(claude_refusal(message), profile)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("message", "profile", "changes"),
    [
        (
            "max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-sonnet-20241022",
            GENERIC,
            {"output_limit": 8192},
        ),
        (
            "input length and `max_tokens` exceed context limit: 187254 + 20000 > 200000, decrease input length or `max_tokens`",
            GENERIC,
            {"output_room": 12_746, "passing": frozenset({"output_room"})},
        ),
        ("`temperature` is deprecated for this model.", GENERIC, {"dropped": frozenset({"temperature", "top_p", "top_k"})}),
        ("top_k: Extra inputs are not permitted", GENERIC, {"dropped": frozenset({"top_k"})}),
        ("`temperature` and `top_p` cannot both be specified for this model. Please use only one.", GENERIC, {"sampling_pairs": False}),
        (
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" instead.',
            OLD,
            {"reasoning": "adaptive"},
        ),
        ("adaptive thinking is not supported on this model", NEW, {"reasoning": "budget"}),
        (
            "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'enabled', 'disabled'",
            NEW,
            {"reasoning": "budget"},
        ),
        ('"thinking.type.disabled" is not supported for this model.', NEW, {"efforts": ("low", "medium", "high", "xhigh", "max")}),
        ("This model does not support thinking.", OLD, {"reasoning": "none"}),
        ("thinking: Extra inputs are not permitted", OLD, {"reasoning": "none"}),
        ("thinking.adaptive.display: Extra inputs are not permitted", NEW, {"dropped": frozenset({"display"})}),
        ("This model does not support the effort parameter.", NEW, {"dropped": frozenset({"effort"})}),
        (
            "output_config.effort: Input should be 'low', 'medium', 'high' or 'max'",
            NEW,
            {"efforts": ("none", "low", "medium", "high", "max")},
        ),
        ("output_config.format: Extra inputs are not permitted", NEW, {"json_schema": False}),
        ("'claude-3' does not support output format", NEW, {"json_schema": False}),
        ("Structured outputs are not available for this model.", NEW, {"json_schema": False}),
        ("tools.0.custom.strict: Extra inputs are not permitted", NEW, {"strict_schema": False}),
        ("Strict tools are not supported on this model", NEW, {"strict_schema": False}),
        ("tool_choice forces tool use is not compatible with this model.", NEW, {"forced_tools": False}),
        (
            "This model does not support assistant message prefill. The conversation must end with a user message.",
            OLD,
            {"prefill": "reworded"},
        ),
        ('messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter', NEW, {"system_turns": False}),
        ("role 'system' is not supported on this model", NEW, {"system_turns": False}),
        ("metadata.user_id: Extra inputs are not permitted", GENERIC, {"dropped": frozenset({"metadata"})}),
        ("stop_sequences: List should have at most 4 items", GENERIC, {"stop_limit": 4}),
        (
            "stop_sequences: each stop sequence must contain non-whitespace",
            replace(GENERIC, blank_stops=True),
            {"blank_stops": False},
        ),
        ("This model does not support tools", GENERIC, {"tools": False}),
        (
            "messages.1.content.1: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
            GENERIC,
            {"latest_thoughts": False, "passing": frozenset({"latest_thoughts"})},
        ),
    ],
)
def test_a_refusal_teaches(message: str, profile: Profile, changes: dict[str, Any]) -> None:
    assert learnt(message, profile) == replace(profile, **changes)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false", "json_schema"),
        ("output_config.format.schema: For 'integer' type, properties maximum, minimum are not supported", "json_schema"),
        (
            "output_config.format.schema: Schema is too complex for compilation. Reduce the number of optional parameters.",
            "json_schema",
        ),
        ("tools.0.custom: Too many strict tools (25). The maximum number of strict tools supported is 20.", "strict_schema"),
        (TOO_MANY_OPTIONAL, "strict_schema"),
    ],
)
def test_what_is_said_of_the_schemas_at_hand_is_learnt_for_this_request_alone(message: str, field: str) -> None:
    assert learnt(message, NEW) == NEW.for_this_request(**{field: False})


def test_where_no_tool_is_strict_any_more_the_answer_is_less_bound() -> None:
    loose = learnt(TOO_MANY_OPTIONAL, NEW)
    assert learnt(TOO_MANY_OPTIONAL, loose) == loose.for_this_request(json_schema=False)
    assert repair(claude_refusal(TOO_MANY_OPTIONAL), learnt(TOO_MANY_OPTIONAL, loose)) is None


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Your credit balance is too low to access the Anthropic API.",
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "messages: text content blocks must be non-empty",
        "Something is wrong",
        "tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12",
        "max_tokens: Input should be greater than or equal to 1",
    ],
)
def test_what_is_about_no_parameter_teaches_nothing(message: str) -> None:
    assert repair(claude_refusal(message), NEW) is None


def test_only_refusals_teach() -> None:
    assert repair(claude_refusal("`temperature` is deprecated for this model.", status=429), GENERIC) is None


def test_lessons_are_heeded() -> None:
    told = {"reasoning": "high", "sampling": Sampling(9, 0.5), "response_format": CLOSED, "user": "u", "tools": (WEATHER,)}
    body = built(replace(NEW, dropped=frozenset({"display", "effort", "metadata"}), json_schema=False), **told)
    assert body["thinking"] == {"type": "adaptive"}
    assert not body.keys() & {"output_config", "metadata", "temperature"}
    assert built(replace(OLD, prefill="reworded"), messages=(said("user", "a"), said("assistant", "b")))["messages"][-1]["role"] == "user"
    assert built(replace(GENERIC, stop_limit=1), sampling=Sampling(stop=("a", "b")))["stop_sequences"] == ["a"]


WORDS = st.lists(
    st.sampled_from(
        [
            *(
                "temperature",
                "top_p",
                "thinking",
                "adaptive",
                "not supported",
                "for this model",
                "effort",
                "output_config.format",
                "strict",
            ),
            *(
                "tools.0",
                "tool_choice",
                "prefill",
                "max_tokens: 5 > 3",
                "Extra inputs are not permitted",
                "stop_sequences",
                "at most 2",
                "display",
            ),
            *("disabled", "should be 'low'", "system", "messages role", "metadata.user_id"),
        ]
    ),
    max_size=6,
)


@given(WORDS, st.sampled_from([GENERIC, NEW, OLD, PROFILES["claude-4.6"]]))
def test_no_refusal_teaches_for_ever(words: list[str], profile: Profile) -> None:
    error = claude_refusal(" ".join(words))
    for _ in range(20):
        found = repair(error, profile)
        if found is None:
            return
        assert found != profile
        profile = found
    raise AssertionError(f"{words} goes on and on")
