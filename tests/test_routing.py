"""From the name a client uses to the upstream's, and to what the server there takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.profile_book import ProfileBook, Server
from proxy.profiles import PROFILES
from proxy.routing import ModelMap, profile_of

LOOPBACK = "http://127.0.0.1:8000/v1"


class Listed:
    """A list of models, by exact name and in lower case."""

    def __init__(self, *names: str) -> None:
        self._cards = {name: ModelCard(name) for name in names}
        self.asked: list[str] = []

    def by_name(self, name: str) -> ModelCard | None:
        self.asked.append(name)
        folded = {key.lower(): card for key, card in reversed(self._cards.items())}
        return self._cards.get(name) or folded.get(name.lower())


NOTHING = Listed()


# Names


@pytest.mark.parametrize("asked", ["gpt-4o", "gpt-4o:latest", "GPT-4o", "gpt-4O:LATEST", "  gpt-4o "])
def test_an_untagged_id_is_reached_by_all_names_that_ollama_clients_use(asked: str) -> None:
    assert ModelMap().upstream_model(asked, Listed("gpt-4o", "other")) == "gpt-4o"


@pytest.mark.parametrize("asked", ["llama3", "llama3:latest", "Llama3"])
def test_a_tagged_id_is_reached_without_its_tag(asked: str) -> None:
    assert ModelMap().upstream_model(asked, Listed("llama3:latest")) == "llama3:latest"


def test_the_exact_spelling_comes_before_every_other() -> None:
    listed = Listed("x", "X", "x:latest")
    assert [ModelMap().upstream_model(name, listed) for name in ("x", "X", "x:latest")] == ["x", "X", "x:latest"]


def test_other_tags_are_part_of_the_name() -> None:
    assert ModelMap().upstream_model("llama3:8b", Listed("llama3")) == "llama3:8b"


@pytest.mark.parametrize(("asked", "sent"), [("new-model", "new-model"), ("new-model:latest", "new-model"), ("Org/New:1b", "Org/New:1b")])
def test_a_name_that_nobody_lists_goes_to_the_upstream(asked: str, sent: str) -> None:
    assert ModelMap().upstream_model(asked, Listed("other")) == sent
    assert ModelMap().upstream_model(asked, NOTHING) == sent


def test_ids_may_have_slashes() -> None:
    assert ModelMap().upstream_model("Meta-Llama/llama-3.1-8B:latest", Listed("meta-llama/Llama-3.1-8B")) == "meta-llama/Llama-3.1-8B"


def test_the_list_is_asked_by_name_and_never_walked() -> None:
    listed = Listed("m")
    ModelMap({"a*": "m"}).upstream_model("m", listed)
    assert listed.asked == ["m"]


# The operator's mapping


def test_exact_names_come_before_globs_and_globs_in_their_order() -> None:
    names = ModelMap({"gpt-*": "first", "gpt-4*": "second", "gpt-4o": "exact", "*": "rest"})
    assert [names.upstream_model(name, NOTHING) for name in ("gpt-4o", "gpt-4o-mini", "claude")] == ["exact", "first", "rest"]


def test_mapping_comes_before_the_list() -> None:
    assert ModelMap({"m": "n"}).upstream_model("m", Listed("m", "n")) == "n"


def test_mapping_is_applied_once() -> None:
    names = ModelMap({"a": "b", "b": "c", "c*": "a"})
    assert [names.upstream_model(name, NOTHING) for name in ("a", "b", "cx")] == ["b", "c", "a"]


def test_what_a_name_leads_to_is_sent_as_the_operator_wrote_it() -> None:
    assert ModelMap({"a": "Org/Model:latest"}).upstream_model("a", Listed("org/model:latest", "org/model")) == "Org/Model:latest"


@pytest.mark.parametrize("asked", ["llama3", "llama3:latest", "LLAMA3", "Llama3:Latest"])
def test_mapped_names_are_found_in_every_form(asked: str) -> None:
    assert ModelMap({"llama3": "m"}).upstream_model(asked, NOTHING) == "m"
    assert ModelMap({"llama3:latest": "m"}).upstream_model(asked, NOTHING) == "m"
    assert ModelMap({"Lla?a[3]": "m"}).upstream_model(asked, NOTHING) == "m"


def test_the_first_of_two_names_that_differ_in_case_serves_all_others() -> None:
    names = ModelMap({"Abc": "1", "aBC": "2"})
    assert [names.upstream_model(name, NOTHING) for name in ("Abc", "aBC", "abc")] == ["1", "2", "1"]


def test_aliases_are_the_exact_names() -> None:
    assert dict(ModelMap({"a": "m", "b*": "n", "c": "n"}).aliases()) == {"a": "m", "c": "n"}
    assert not ModelMap().aliases()


# Profiles


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://acme.openai.azure.com/openai/v1", "azure"),
        ("https://acme.openai.azure.us/openai/v1", "azure"),
        ("https://acme.openai.azure.cn/openai/v1", "azure"),
        ("https://acme.services.ai.azure.com/openai/v1/", "azure"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.mistral.ai/v1", "mistral"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://API.Together.xyz./v1", "together"),
        ("https://integrate.api.nvidia.com/v1", "nim"),
        ("https://api.cerebras.ai/v1", "cerebras"),
        ("https://notapi.openai.com.example.com/v1", "generic"),
        ("https://myopenrouter.ai/v1", "generic"),
        ("http://localhost:1234/v1", "generic"),
        ("nonsense", "generic"),
    ],
)
def test_a_profile_is_known_by_its_host(url: str, name: str) -> None:
    assert profile_of(url, "auto", None, "some-model").name == name


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({"owned_by": "vllm", "max_model_len": 4096}, "vllm"),
        ({"owned_by": "sglang"}, "sglang"),
        ({"owned_by": "llamacpp", "meta": {"n_ctx_train": 1, "n_params": 2}}, "llamacpp"),
        ({"owned_by": "me", "meta": {"n_ctx_train": 1, "n_params": 2}}, "llamacpp"),
        ({"owned_by": "organization_owner"}, "lmstudio"),
        ({"owned_by": "library"}, "ollama"),
        ({"owned_by": "deepseek"}, "deepseek"),
        ({"supported_parameters": ["tools"], "architecture": {}}, "openrouter"),
        ({"owned_by": "mistralai", "capabilities": {"completion_chat": True}}, "mistral"),
        ({"owned_by": "Meta", "active": True, "context_window": 8192}, "groq"),
        ({"capabilities": {"chat_completion": True}, "lifecycle_status": "preview"}, "azure"),
        ({"organization": "Meta", "display_name": "x", "type": "chat"}, "together"),
        ({"owned_by": "mistralai"}, "generic"),
        ({"owned_by": "openai", "capabilities": None, "meta": None}, "generic"),
        ({}, "generic"),
    ],
)
def test_a_profile_is_known_by_its_entry_in_the_model_list(entry: dict[str, Any], name: str) -> None:
    card = ModelCard("m", owned_by=entry.get("owned_by", ""), raw=entry)
    assert profile_of(LOOPBACK, "", card, "m").name == name


def test_the_operators_word_comes_first_then_the_host_then_the_entry() -> None:
    card = ModelCard("m", owned_by="vllm", raw={"owned_by": "vllm"})
    assert profile_of("https://api.groq.com/openai/v1", " Mistral ", card, "m").name == "mistral"
    assert profile_of("https://api.groq.com/openai/v1", "AUTO", card, "m").name == "groq"
    assert profile_of(LOOPBACK, "auto", card, "m").name == "vllm"


@pytest.mark.parametrize(
    ("url", "configured", "model", "name"),
    [
        ("https://api.openai.com/v1", "auto", "o3-mini", "openai-reasoning"),
        ("https://api.openai.com/v1", "auto", "gpt-4o", "openai"),
        ("https://x.openai.azure.com/", "auto", "gpt-5", "azure-reasoning"),
        ("https://openrouter.ai/api/v1", "auto", "openai/gpt-5", "openrouter-reasoning"),
        (LOOPBACK, "auto", "openai/o3", "openai-reasoning"),
        (LOOPBACK, "openai", "GPT-5-mini", "openai-reasoning"),
        (LOOPBACK, "openai-reasoning", "my-deployment", "openai-reasoning"),
        (LOOPBACK, "vllm", "o3", "vllm"),
    ],
)
def test_openais_reasoning_models_get_a_profile_of_their_own(url: str, configured: str, model: str, name: str) -> None:
    assert profile_of(url, configured, None, model).name == name


def test_efforts_depend_on_the_reasoning_model() -> None:
    words = [profile_of("https://api.openai.com/v1", "auto", None, model).efforts for model in ("o3", "gpt-5", "gpt-5.1")]
    assert [each[0] for each in words] == ["low", "minimal", "none"]


def test_an_unknown_profile_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"must be one of auto, generic, .*vllm.*called 'vlm'"):
        profile_of(LOOPBACK, "vlm", None, "m")
    with pytest.raises(ValueError, match="'vlm'"):
        ProfileBook({"u": Server(LOOPBACK, "vlm")})


def an_openrouter_card(takes: Iterable[str], **raw: Any) -> ModelCard:
    names = sorted(takes)
    return ModelCard("m", parameters=frozenset(names), raw={"supported_parameters": names, "architecture": {}, **raw})


def test_an_entrys_own_list_of_parameters_narrows_exactly() -> None:
    profile = profile_of(LOOPBACK, "auto", an_openrouter_card({"temperature", "max_tokens", "top_k", "tools", "response_format"}), "m")
    assert set(profile.params.values()) == {"temperature", "top_k", "user", "parallel_tool_calls"}
    assert (profile.stop_limit, profile.logprobs, profile.reasoning, profile.tools) == (0, False, "none", True)
    assert (profile.json_schema, profile.json_mode, profile.max_tokens) == (False, "json_object", "max_tokens")


def test_an_entry_that_lists_everything_narrows_nothing() -> None:
    everything = {"temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty", "frequency_penalty", "repetition_penalty"}
    everything |= {"max_tokens", "stop", "logprobs", "reasoning", "tools", "response_format", "structured_outputs"}
    assert profile_of(LOOPBACK, "auto", an_openrouter_card(everything), "m") == PROFILES["openrouter"]


def test_an_entry_without_formats_is_asked_in_words() -> None:
    profile = profile_of(LOOPBACK, "auto", an_openrouter_card({"max_completion_tokens"}), "m")
    assert (profile.json_mode, profile.json_schema, profile.tools) == ("prompt", False, False)
    assert profile.max_tokens == "max_completion_tokens"


def test_an_entrys_efforts_are_the_ones_that_count() -> None:
    card = an_openrouter_card({"reasoning"}, reasoning={"mandatory": True, "supported_efforts": ["high", "low", None]})
    assert profile_of(LOOPBACK, "auto", card, "m").efforts == ("high", "low")


def test_an_operators_profile_is_not_narrowed() -> None:
    assert profile_of(LOOPBACK, "vllm", an_openrouter_card({"seed"}), "m") == PROFILES["vllm"]
