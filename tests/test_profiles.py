"""Profiles are data: what can be checked is that the data hangs together, and that a few rows say what the servers do."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from proxy.canonical.google_options import SERVICE_TIER
from proxy.canonical.openai_options import PROMPT_CACHE, VERBOSITY
from proxy.canonical.request import ChatRequest, Sampling
from proxy.profiles import (
    DIALECT_PROFILES,
    ENTRY_MARKS,
    HOSTS,
    MODEL_VARIANTS,
    NARROWED,
    OWNERS,
    PROFILES,
    REASONING_MODELS,
    REASONING_VARIANTS,
    Profile,
)

ALL = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())


@ALL
def test_parameters_of_a_profile_are_fields_of_a_request(profile: Profile) -> None:
    known = (
        {field.name for field in fields(Sampling)}
        | {field.name for field in fields(ChatRequest)}
        | {VERBOSITY, SERVICE_TIER, *PROMPT_CACHE}
    )
    assert set(profile.params) <= known
    assert not {"stop", "max_tokens", "logprobs"} & set(profile.params), "these have fields of their own"


@ALL
def test_penalties_keep_their_meaning(profile: Profile) -> None:
    """Ollama's repeat_penalty is multiplied, OpenAI's frequency_penalty is added: they must never be taken for each other."""
    assert profile.params.get("repeat_penalty", "repeat_penalty") in ("repeat_penalty", "repetition_penalty")
    assert profile.params.get("frequency_penalty", "frequency_penalty") in ("frequency_penalty", "frequencyPenalty")


@ALL
def test_a_profile_that_grades_thinking_has_words_for_it(profile: Profile) -> None:
    assert bool(profile.efforts) == (
        profile.reasoning in ("effort", "openrouter", "groq", "adaptive", "budget", "level") or profile.name in ("vllm", "sglang")
    )


def test_all_names_that_lead_to_profiles_have_one() -> None:
    led_to = {
        *HOSTS.values(),
        *DIALECT_PROFILES.values(),
        *MODEL_VARIANTS,
        *OWNERS.values(),
        *REASONING_VARIANTS,
        *REASONING_VARIANTS.values(),
        *NARROWED,
    }
    led_to |= {name for _, name in ENTRY_MARKS}
    led_to |= {name for variants in MODEL_VARIANTS.values() for _, name in variants}
    assert led_to <= set(PROFILES)
    assert all(name == profile.name for name, profile in PROFILES.items())


def test_generic_sends_no_extension_and_no_wish_to_think() -> None:
    generic = PROFILES["generic"]
    assert set(generic.params) == {"temperature", "top_p", "seed", "presence_penalty", "frequency_penalty"}
    assert (generic.reasoning, generic.echo_reasoning, generic.stop_limit) == ("none", "", 4)


@pytest.mark.parametrize("name", ["openai", "azure", "groq", "mistral", "nim", "deepseek", "generic"])
def test_strict_servers_get_no_extensions(name: str) -> None:
    assert not {"top_k", "min_p", "typical_p", "repeat_penalty"} & set(PROFILES[name].params)


@pytest.mark.parametrize("name", ["openai-reasoning", "azure-reasoning", "openrouter-reasoning"])
def test_reasoning_models_get_no_sampling_and_no_stops(name: str) -> None:
    profile = PROFILES[name]
    assert not {"temperature", "top_p", "presence_penalty", "frequency_penalty"} & set(profile.params)
    assert (profile.stop_limit, profile.logprobs) == (0, False)
    assert profile.reasoning != "none"


def test_what_is_dropped_is_not_sent() -> None:
    profile = Profile("test", params={"seed": "random_seed", "top_p": "top_p"}, dropped=frozenset({"random_seed"}))
    assert profile.sent == (("top_p", "top_p"),)
    assert replace(profile, dropped=frozenset()).sent == (("seed", "random_seed"), ("top_p", "top_p"))


def test_profiles_can_be_compared_and_not_changed() -> None:
    profile = PROFILES["vllm"]
    assert profile == replace(profile)
    assert profile != replace(profile, dropped=frozenset({"seed"}))
    with pytest.raises(FrozenInstanceError):
        profile.logprobs = False  # type: ignore[misc]
    with pytest.raises(TypeError):
        profile.params["x"] = "y"  # type: ignore[index]


@pytest.mark.parametrize(
    ("model", "efforts"),
    [
        ("o1", ("low", "medium", "high")),
        ("o3-mini", ("low", "medium", "high")),
        ("o4-mini-2025-04-16", ("low", "medium", "high")),
        ("gpt-5", ("minimal", "low", "medium", "high")),
        ("gpt-5-nano", ("minimal", "low", "medium", "high")),
        ("gpt-5.1", ("none", "low", "medium", "high")),
        ("gpt-5.2-pro", ("none", "low", "medium", "high", "xhigh")),
        ("gpt-5-chat-latest", None),
        ("gpt-5.2-chat-latest", None),
        ("gpt-50", None),
        ("gpt-4o", None),
        ("o3x", None),
        ("omni-moderation", None),
        ("phi-o1", None),
    ],
)
def test_reasoning_models_are_known_by_name(model: str, efforts: tuple[str, ...] | None) -> None:
    assert next((words for pattern, words in REASONING_MODELS if pattern.match(model)), None) == efforts
