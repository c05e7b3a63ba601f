"""What is learnt of models that think, or do not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.canonical.request import ReasoningPart
from proxy.dialects.openai.egress import repair
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES
from tests.dialects.openai.asking import a_refusal, answered, built, called, openai_refusal, said
from tests.dialects.openai.learnt import learnt, pydantic_error
from tests.fakes.groq import GroqFake

LISTS = "Supported values are: "


@pytest.mark.parametrize(
    ("message", "efforts"),
    [
        (
            f"Unsupported value: 'reasoning_effort' does not support 'max' with this model. {LISTS}'none', 'low', and 'high'.",
            "none low high",
        ),
        (f"Unsupported value: 'reasoning_effort' does not support 'high' with this model. {LISTS}'medium'.", "medium"),
        ("'reasoning_effort' : value is not one of the allowed values ['none', 'default', 'low']", "none low"),
        ("`reasoning_effort` must be one of `none` or `default`", "none"),
        ("`reasoning_effort` must be `default`", ""),
        ('invalid reasoning value: "xhigh" (must be "high", "medium", "low", "max", or "none")', "none low medium high max"),
    ],
)
@pytest.mark.parametrize("profile", ["openai-reasoning", "groq"])
def test_the_efforts_that_a_server_lists_are_the_ones_it_gets(message: str, efforts: str, profile: str) -> None:
    assert learnt(openai_refusal(message, "reasoning_effort", "unsupported_value"), profile) == {"efforts": tuple(efforts.split())}


def test_an_effort_that_is_refused_without_a_list_steps_down_twice() -> None:
    error = openai_refusal("Unsupported value: 'reasoning_effort' does not support 'max'.", "reasoning_effort", "unsupported_value")
    profile = replace(PROFILES["ollama"])
    assert learnt(error, profile) == {"efforts": ("low", "medium", "high")}
    assert learnt(error, replace(profile, efforts=("low", "medium", "high"))) == {"reasoning": "none"}
    assert learnt(error, replace(profile, efforts=())) == {"reasoning": "none"}


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("openai-reasoning", "Unrecognized request argument supplied: reasoning_effort"),
        ("openai-reasoning", "Unsupported parameter: 'reasoning.effort' is not supported with this model."),
        ("groq", "`reasoning_effort` is not supported with this model"),
        ("ollama", '"llama3" does not support thinking'),
        ("openrouter", "Reasoning is not supported for this model"),
        ("openrouter", "Unrecognized request argument supplied: reasoning"),
        ("deepseek", "Unknown parameter: 'thinking'."),
        ("ollama", "Model grok-4-latest does not support parameter reasoningEffort."),
    ],
)
def test_a_model_that_does_not_think_is_not_asked_to(profile: str, message: str) -> None:
    assert learnt(openai_refusal(message), profile) == {"reasoning": "none"}


def test_a_model_that_must_think_is_not_told_to_stop() -> None:
    error = openai_refusal("Reasoning is mandatory for this endpoint and cannot be disabled.")
    assert learnt(error, "openrouter") == {"efforts": ("minimal", "low", "medium", "high", "xhigh")}


@pytest.mark.parametrize(
    ("profile", "name"), [("groq", "reasoning_format"), ("vllm", "chat_template_kwargs"), ("vllm", "reasoning_effort")]
)
def test_a_part_of_the_wish_is_left_out_alone(profile: str, name: str) -> None:
    assert learnt(openai_refusal(f"property '{name}' is unsupported"), profile) == {"dropped": frozenset({name})}


@pytest.mark.parametrize(
    "message",
    [
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
    ],
)
def test_thinking_goes_back_to_those_who_miss_it(message: str) -> None:
    assert learnt(openai_refusal(message)) == {"echo_reasoning": "reasoning_content", "must_echo_reasoning": True}


def groq_refusal(body: dict[str, Any], *, by_litellm: bool = False) -> UpstreamRefused:
    """What Groq says of the messages, in its own words or in LiteLLM's around them."""
    fake = GroqFake()
    said = fake.error(next(fake.judge({"model": "qwen/qwen3-32b", "messages": body["messages"]})))
    return openai_refusal(f"litellm.BadRequestError: GroqException - {json.dumps(said)}") if by_litellm else a_refusal(said)


@pytest.mark.parametrize(
    "error",
    [
        groq_refusal({"messages": [{"role": "assistant", "content": "", "reasoning_content": "hm"}]}),
        a_refusal({"detail": [pydantic_error("body", "messages", 3, "assistant", "reasoning_content")]}, 422),
    ],
)
def test_thinking_is_kept_from_those_who_refuse_it(error: UpstreamRefused) -> None:
    assert learnt(error, "deepseek") == {"echo_reasoning": "", "must_echo_reasoning": False}
    assert learnt(error, "llamacpp") == {"echo_reasoning": ""}
    assert learnt(error, "vllm") == {}, "it was not sent"


def test_thinking_under_its_short_name_is_kept_back_too() -> None:
    assert learnt(openai_refusal("property 'reasoning' is unsupported"), "vllm") == {"echo_reasoning": ""}


@pytest.mark.parametrize("by_litellm", [False, True])
@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.echo_reasoning.startswith("reasoning")])
def test_groq_behind_a_server_of_another_kind_refuses_thinking_once(name: str, by_litellm: bool) -> None:
    profile = PROFILES[name]
    conversation = (said("user", "Hi"), said("assistant", ReasoningPart("hm"), called("1")), answered("1", "r"))
    kept = repair(groq_refusal(built(profile, messages=conversation), by_litellm=by_litellm), profile)
    assert kept is not None
    kept = kept.as_kept(profile)
    assert kept == replace(profile, echo_reasoning="", must_echo_reasoning=False), "it is still asked to think"
    with pytest.raises(StopIteration):
        groq_refusal(built(kept, messages=conversation))


def test_thinking_that_is_refused_among_values_is_refused_for_good() -> None:
    profile = PROFILES["vllm"]
    kept = repair(openai_refusal("`reasoning` is not supported in messages. Role must be one of 'user', 'assistant'"), profile)
    assert kept is not None
    assert not kept.as_kept(profile).echo_reasoning
