"""Gemini's model list, and its vectors."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.canonical.catalog import EmbeddingsRequest, ModelCard
from proxy.dialects.gemini import egress
from proxy.errors import UpstreamBroken, UpstreamRefused
from proxy.routing import profile_of
from tests.dialects.gemini.asking import a_refusal, body_of, to

FLASH = {
    "name": "models/gemini-3-flash",
    "version": "3",
    "displayName": "Gemini 3 Flash",
    "description": "Fast",
    "inputTokenLimit": 1048576,
    "outputTokenLimit": 65536,
    "supportedGenerationMethods": ["generateContent", "countTokens"],
    "thinking": True,
}


@pytest.mark.parametrize(("limit", "known"), [(65_536, 65_536), (0, None), ("9", None), (True, None), (None, None)])
def test_the_longest_answer_is_what_the_list_says(limit: Any, known: int | None) -> None:
    card = a_card(outputTokenLimit=limit)
    assert profile_of("https://g.example", "auto", card, "gemini-3-flash", "gemini").output_limit == known


def a_card(**entry: Any) -> ModelCard:
    (card,) = egress.read_models(orjson.dumps({"models": [{"name": "models/m", **entry}]}))
    return card


def test_the_list_is_asked_for_page_by_page() -> None:
    call = egress.build_models()
    assert (call.path, call.query, call.method, call.body) == ("/v1beta/models", "pageSize=1000", "GET", None)
    after = egress.next_models(orjson.dumps({"models": [FLASH], "nextPageToken": "a+b/c="}))
    assert after is not None
    assert (after.path, after.query, after.method) == ("/v1beta/models", "pageSize=1000&pageToken=a%2Bb%2Fc%3D", "GET")
    assert egress.next_models(orjson.dumps({"models": [FLASH]})) is None
    assert egress.next_models(orjson.dumps({"models": [FLASH], "nextPageToken": ""})) is None


def test_a_card_says_what_the_entry_says() -> None:
    (card,) = egress.read_models(orjson.dumps({"models": [FLASH]}))
    assert (card.id, card.owned_by, card.context_length, card.description) == ("gemini-3-flash", "google", 1048576, "Fast")
    assert (card.capabilities, card.has) == (None, {"completion", "thinking", "vision"})
    assert card.raw == FLASH


@pytest.mark.parametrize(
    ("name", "sees"),
    [
        ("gemini-3-pro", True),
        ("Gemini-2.5-flash-image", True),
        ("gemini-flash-latest", True),
        ("gemini-2.5-pro-preview-tts", False),
        ("gemini-1.0-pro", False),
        ("gemma-3-1b-it", False),
        ("my-gemini-3", False),
    ],
)
def test_geminis_take_pictures_and_models_that_read_aloud_do_not(name: str, sees: bool) -> None:
    assert ("vision" in a_card(name=f"models/{name}", supportedGenerationMethods=["generateContent"]).has) is sees
    assert "vision" not in a_card(name=f"models/{name}", supportedGenerationMethods=["embedContent"]).has


@pytest.mark.parametrize(
    ("methods", "capabilities", "has"),
    [
        (["embedContent"], {"embedding"}, {"embedding"}),
        (["generateContent"], None, {"completion"}),
        (["generateContent", "embedContent"], None, {"completion", "embedding"}),
        (["predict", 7], None, set()),
        (None, None, set()),
        ("generateContent", None, set()),
    ],
)
def test_methods_tell_what_a_model_does(methods: Any, capabilities: set[str] | None, has: set[str]) -> None:
    card = a_card(supportedGenerationMethods=methods)
    assert (card.capabilities, card.has) == (capabilities, has)


def test_odd_entries_do_no_harm() -> None:
    body = {"models": [7, {}, {"name": 7}, {"name": "models/"}, {"name": "tunedModels/t", "inputTokenLimit": "many", "description": 7}]}
    (card,) = egress.read_models(orjson.dumps(body))
    assert (card.id, card.context_length, card.description) == ("tunedModels/t", None, "")
    assert egress.read_models(b"{}") == egress.read_models(b'{"nextPageToken":"x"}') == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b'{"data":[]}', b'{"models":{"x":1}}'])
def test_what_is_no_list_is_an_error_with_a_hint(body: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="base URL"):
        egress.read_models(body)


# Vectors


def a_request(*inputs: str, **changes: Any) -> EmbeddingsRequest:
    return EmbeddingsRequest("asked", inputs or ("a", "b"), **changes)


def vectors(*values: Any, **more: Any) -> bytes:
    return orjson.dumps({"embeddings": [{"values": value} for value in values], **more})


def test_vectors_are_asked_for_all_at_once() -> None:
    call = egress.build_embeddings(a_request(dimensions=3), to(model="gemini-embedding-001"))
    assert (call.path, call.model, call.stream) == ("/v1beta/models/gemini-embedding-001:batchEmbedContents", "gemini-embedding-001", False)
    assert body_of(call.body) == {
        "requests": [
            {"model": "models/gemini-embedding-001", "outputDimensionality": 3, "content": {"parts": [{"text": text}]}} for text in "ab"
        ]
    }
    assert "outputDimensionality" not in body_of(egress.build_embeddings(a_request(), to()).body)["requests"][0]


def test_vectors_are_read_in_order_and_brought_to_length_1() -> None:
    result = egress.read_embeddings(vectors([3, 4], [0.0, 2.0], usageMetadata={"promptTokenCount": 5}), a_request())
    assert [list(vector) for vector in result.vectors] == [[0.6, 0.8], [0.0, 1.0]]
    assert result.prompt_tokens == 5
    result = egress.read_embeddings(vectors([3.0, 4.0, 0.0], [0.0, 2.0, 1.0]), a_request(dimensions=2, normalize=False))
    assert [list(vector) for vector in result.vectors] == [[0.6, 0.8], [0.0, 1.0]]
    assert result.prompt_tokens is None


@pytest.mark.parametrize(
    "body",
    [b"", b"7", b"[]", b"{}", b'{"embeddings":7}', b'{"embeddings":[7,7]}', vectors([1.0]), vectors([1.0], []), vectors([1.0], ["x"])],
)
def test_what_are_no_vectors_is_broken(body: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        egress.read_embeddings(body, a_request())


def test_an_error_instead_of_vectors_is_one() -> None:
    error = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
    for body in (error, [error]):
        with pytest.raises(UpstreamRefused, match="slow down"):
            egress.read_embeddings(orjson.dumps(body), a_request())


def test_texts_that_are_too_long_are_shortened() -> None:
    error = a_refusal("The input token count (4000) exceeds the maximum number of tokens allowed (2048).")
    shorter = egress.shorten(a_request("x" * 1000, "y"), error)
    assert shorter is not None
    assert len(shorter.inputs[0]) < 1000
