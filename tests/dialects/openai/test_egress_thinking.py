"""Thinking, as each kind of server is asked for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from proxy.canonical.request import Effort
from proxy.profiles import PROFILES
from tests.dialects.openai.asking import built


def thinking(profile: Any, effort: Effort | None) -> dict[str, Any]:
    return {key: value for key, value in built(profile, reasoning=effort).items() if key not in ("model", "messages")}


@pytest.mark.parametrize("profile", PROFILES)
def test_thinking_is_nobodys_business_unless_the_client_speaks_of_it(profile: str) -> None:
    assert thinking(profile, None) == {}


@pytest.mark.parametrize("profile", ["generic", "openai", "azure", "lmstudio", "mistral", "together", "nim"])
@pytest.mark.parametrize("effort", get_args(Effort))
def test_thinking_is_not_spoken_of_to_those_who_refuse_the_word(profile: str, effort: Effort) -> None:
    assert thinking(profile, effort) == {}


def kwargs(thinks: bool, effort: str = "") -> dict[str, Any]:
    graded = {"reasoning_effort": effort} if effort else {}
    return {"chat_template_kwargs": {"enable_thinking": thinks, "thinking": thinks, **graded}}


@pytest.mark.parametrize(
    ("profile", "effort", "sent"),
    [
        ("openai-reasoning", "on", {}),
        ("openai-reasoning", "low", {"reasoning_effort": "low"}),
        ("openai-reasoning", "max", {"reasoning_effort": "high"}),
        ("openai-reasoning", "minimal", {"reasoning_effort": "low"}),
        ("openai-reasoning", "off", {"reasoning_effort": "low"}),
        ("vllm", "on", kwargs(True)),
        ("vllm", "off", kwargs(False)),
        ("vllm", "high", kwargs(True, "high") | {"reasoning_effort": "high"}),
        ("vllm", "max", kwargs(True, "high") | {"reasoning_effort": "high"}),
        ("llamacpp", "off", kwargs(False)),
        ("llamacpp", "minimal", kwargs(True, "low")),
        ("openrouter", "on", {"reasoning": {"enabled": True}}),
        ("openrouter", "off", {"reasoning": {"enabled": False}}),
        ("openrouter", "medium", {"reasoning": {"effort": "medium"}}),
        ("openrouter", "max", {"reasoning": {"effort": "xhigh"}}),
        ("deepseek", "on", {"thinking": {"type": "enabled"}}),
        ("deepseek", "low", {"thinking": {"type": "enabled"}}),
        ("deepseek", "off", {"thinking": {"type": "disabled"}}),
        ("groq", "on", {"reasoning_format": "parsed"}),
        ("groq", "high", {"reasoning_format": "parsed", "reasoning_effort": "high"}),
        ("groq", "off", {"reasoning_format": "hidden", "reasoning_effort": "none"}),
        ("ollama", "off", {"reasoning_effort": "none"}),
        ("ollama", "max", {"reasoning_effort": "max"}),
        ("ollama", "xhigh", {"reasoning_effort": "high"}),
    ],
)
def test_thinking_is_graded_in_the_servers_words(profile: str, effort: Effort, sent: dict[str, Any]) -> None:
    assert thinking(profile, effort) == sent


@pytest.mark.parametrize(
    ("efforts", "effort", "word"),
    [
        (("none", "low"), "off", "none"),
        (("minimal", "medium"), "off", "minimal"),
        (("medium", "high"), "off", None),
        (("high",), "low", None),
        (("medium",), "low", "medium"),
        (("medium",), "max", "medium"),
        (("low",), "max", None),
        (("high",), "xhigh", "high"),
        (("low", "high"), "medium", None),
        ((), "medium", None),
    ],
)
def test_an_effort_steps_towards_the_middle(efforts: tuple[str, ...], effort: Effort, word: str | None) -> None:
    profile = replace(PROFILES["openai-reasoning"], efforts=efforts)
    assert thinking(profile, effort).get("reasoning_effort") == word


def test_openrouter_is_not_told_an_effort_that_its_model_lacks() -> None:
    profile = replace(PROFILES["openrouter"], efforts=("high",))
    assert thinking(profile, "off") == {}
    assert thinking(profile, "max") == {"reasoning": {"effort": "high"}}


def test_learnt_fields_of_thinking_are_left_out() -> None:
    assert thinking(replace(PROFILES["groq"], dropped=frozenset({"reasoning_format"})), "high") == {"reasoning_effort": "high"}
    assert thinking(replace(PROFILES["vllm"], dropped=frozenset({"chat_template_kwargs"})), "on") == {}
