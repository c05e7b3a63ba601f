"""Model lists as each kind of server writes them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.canonical.catalog import CAPABILITIES, ModelCard
from proxy.dialects.openai import egress
from proxy.errors import UpstreamBroken


def read(payload: object) -> list[ModelCard]:
    return egress.read_models(orjson.dumps(payload))


def a_card(**entry: Any) -> ModelCard:
    (card,) = read({"object": "list", "data": [{"id": "m", "object": "model", **entry}]})
    return card


def test_the_list_is_asked_for() -> None:
    call = egress.build_models()
    assert (call.path, call.method, call.body, call.model) == ("/models", "GET", None, "")


def test_a_card_says_what_the_entry_says_and_nothing_else() -> None:
    card = a_card(id="org/sub/model:tag", created=1700000000, owned_by="acme")
    assert (card.id, card.created, card.owned_by) == ("org/sub/model:tag", 1700000000, "acme")
    assert (card.capabilities, card.has, card.context_length, card.parameters, card.family) == (None, frozenset(), None, None, "")
    assert card.raw == {"id": "org/sub/model:tag", "object": "model", "created": 1700000000, "owned_by": "acme"}


@pytest.mark.parametrize(
    "payload",
    [
        {"object": "list", "data": [{"id": "a"}, {"id": "b"}]},
        [{"id": "a"}, {"id": "b"}],
        {"models": [{"name": "a"}, {"name": "b"}]},
        {"data": [{"id": "a"}, "x", None, {}, {"id": 1}, {"id": ""}, ["c"], {"id": "b"}]},
    ],
)
def test_lists_come_in_several_forms(payload: object) -> None:
    assert [card.id for card in read(payload)] == ["a", "b"]


@pytest.mark.parametrize("payload", [{"data": []}, [], {"object": "list", "data": None}])
def test_a_list_may_be_empty(payload: object) -> None:
    assert read(payload) == []


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'"x"', b"7", b'{"error":"Unexpected endpoint"}', b'{"data":"x"}', b'{"data":{"id":"x"}}']
)
def test_what_is_no_list_is_an_error_with_a_hint(body: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="base URL"):
        egress.read_models(body)


@pytest.mark.parametrize(
    ("entry", "length"),
    [
        ({"max_model_len": 4096}, 4096),
        ({"context_length": 131072}, 131072),
        ({"context_window": 8192}, 8192),
        ({"max_context_length": 32768}, 32768),
        ({"max_context_length": 32768, "loaded_context_length": 4096}, 4096),
        ({"meta": {"n_ctx_train": 2048}}, 2048),
        ({"meta": {"n_ctx_train": 2048, "n_ctx": 512}}, 512),
        ({"context_length": None, "max_input_tokens": 100.0}, 100),
        ({"context_length": "8192"}, None),
        ({"context_length": 0}, None),
        ({"meta": None}, None),
        ({}, None),
    ],
)
def test_the_window_is_found_under_every_name(entry: dict[str, Any], length: int | None) -> None:
    assert a_card(**entry).context_length == length


def test_llama_cpp_tells_of_its_weights() -> None:
    meta = {"vocab_type": 2, "n_vocab": 128256, "n_ctx_train": 131072, "n_embd": 4096, "n_params": 8030261312, "size": 4912898304}
    beside = {"name": "m", "model": "m", "capabilities": ["completion", "multimodal"], "details": {"family": "llama", "format": "gguf"}}
    (card,) = read({"models": [beside, "x"], "object": "list", "data": [{"id": "m", "owned_by": "llamacpp", "meta": meta}]})
    assert (card.context_length, card.embedding_length, card.parameter_count, card.size_bytes) == (131072, 4096, 8030261312, 4912898304)
    assert (card.family, card.owned_by) == ("llama", "llamacpp")
    assert card.capabilities is None, "of tools and thinking it says nothing"
    assert card.has == {"completion", "vision"}


def openrouter_entry(taken: list[str], made: list[str], *parameters: str) -> dict[str, Any]:
    return {
        "architecture": {"input_modalities": taken, "output_modalities": made},
        "supported_parameters": list(parameters),
        "context_length": 400000,
        "description": "A model",
    }


@pytest.mark.parametrize(
    ("entry", "capabilities"),
    [
        (openrouter_entry(["text"], ["text"], "temperature"), {"completion"}),
        (openrouter_entry(["text", "image"], ["text"], "tools", "reasoning"), {"completion", "tools", "thinking", "vision"}),
        (openrouter_entry(["text", "audio"], ["text", "image"], "include_reasoning"), {"completion", "thinking", "audio", "image"}),
        (
            {"capabilities": {"completion_chat": True, "function_calling": False, "vision": True, "reasoning": True, "fine_tuning": True}},
            {"completion", "vision", "thinking"},
        ),
        ({"type": "embeddings", "max_context_length": 512}, {"embedding"}),
        ({"type": "embedding"}, {"embedding"}),
        ({"capabilities": {"embeddings": True, "chat_completion": False, "inference": True}}, {"embedding"}),
        ({"architecture": {"input_modalities": ["text"], "output_modalities": ["embeddings"]}}, {"embedding"}),
    ],
)
def test_who_tells_everything_is_believed(entry: dict[str, Any], capabilities: set[str]) -> None:
    assert a_card(**entry).capabilities == capabilities
    assert capabilities <= set(CAPABILITIES)


@pytest.mark.parametrize(
    ("entry", "has"),
    [
        ({"capabilities": {"completion_chat": True, "function_calling": True, "vision": False}}, {"completion", "tools"}),
        ({"capabilities": {"completion_fim": True, "completion_chat": True}}, {"completion", "insert"}),
        ({"type": "vlm", "capabilities": ["tool_use"]}, {"completion", "vision", "tools"}),
        ({"type": "llm"}, {"completion"}),
        ({"type": "chat", "display_name": "x"}, {"completion"}),
        ({"type": "image"}, {"image"}),
        ({"type": "rerank"}, set()),
        ({"supports_chat": True, "supports_tools": True, "supports_image_input": False}, {"completion", "tools"}),
        (
            {"supported_features": ["tools", "reasoning", "json_mode"], "input_modalities": ["text", "image"]},
            {"tools", "thinking", "vision"},
        ),
        ({"capabilities": {"chat_completion": True, "embeddings": False}, "lifecycle_status": "preview"}, {"completion"}),
        ({"owned_by": "vllm", "max_model_len": 4096}, set()),
        ({"active": True, "context_window": 8192}, set()),
        ({"capabilities": "all", "type": 7, "supported_parameters": [], "architecture": None}, set()),
    ],
)
def test_who_tells_a_part_leaves_the_rest_open(entry: dict[str, Any], has: set[str]) -> None:
    card = a_card(**entry)
    assert card.capabilities is None
    assert card.has == has


def test_nothing_is_guessed_from_names() -> None:
    card = a_card(id="nomic-embed-text-vision-thinking")
    assert (card.capabilities, card.has) == (None, frozenset())


def test_parameters_are_those_that_the_entry_lists() -> None:
    assert a_card(supported_parameters=["tools", "seed", 7]).parameters == {"tools", "seed"}
    assert a_card(supported_parameters=[]).parameters is None
    assert a_card(supported_parameters="tools").parameters is None


def test_lm_studio_and_together_have_words_of_their_own() -> None:
    card = a_card(type="llm", arch="qwen2", quantization="Q4_K_M", publisher="x", organization="Qwen", size_bytes=9)
    assert (card.family, card.quantization, card.owned_by, card.size_bytes) == ("qwen2", "Q4_K_M", "Qwen", 9)


@pytest.mark.parametrize("created", [None, "2024-01-01", -5, 1e300, 0])
def test_a_date_that_is_none_is_unknown(created: Any) -> None:
    assert a_card(created=created).created == 0
