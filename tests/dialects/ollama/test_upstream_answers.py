"""What Ollama servers say beside chats: vectors, models, errors; and what is learnt from refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.canonical.catalog import EmbeddingsRequest, ModelCard
from proxy.canonical.request import ChatRequest
from proxy.dialects.ollama import egress
from proxy.errors import InvalidRequest, UpstreamBroken, UpstreamRefused
from proxy.profiles import Profile
from tests.dialects.ollama.upstream_asking import NATIVE, body_of, said, to

TWO = EmbeddingsRequest("asked", ("a", "b"))


def an_error(status: int, text: object) -> UpstreamRefused:
    return egress.read_error(status, {}, text if isinstance(text, bytes) else orjson.dumps({"error": text}))


def test_vectors_are_asked_for_together() -> None:
    call = egress.build_embeddings(replace(TWO, dimensions=2, truncate=False), to())

    assert (call.path, call.model, call.stream) == ("/api/embed", "sent", False)
    assert body_of(call.body) == {"model": "sent", "input": ["a", "b"], "truncate": False, "dimensions": 2}
    assert body_of(egress.build_embeddings(TWO, to()).body) == {"model": "sent", "input": ["a", "b"], "truncate": True}


def test_vectors_come_in_the_order_of_their_texts() -> None:
    body = orjson.dumps({"model": "sent", "embeddings": [[1.0, 0.0], [0.0, 1.0]], "total_duration": 5, "prompt_eval_count": 4})
    result = egress.read_embeddings(body, TWO)

    assert (result.vectors, result.prompt_tokens) == (([1.0, 0.0], [0.0, 1.0]), 4)


def test_vectors_are_cut_where_an_older_server_did_not() -> None:
    body = orjson.dumps({"embeddings": [[3.0, 4.0, 12.0], [1, 0, 0]]})

    assert egress.read_embeddings(body, replace(TWO, dimensions=2)).vectors == ([0.6, 0.8], [1, 0])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "no JSON"),
        (b"[]", "no embeddings"),
        (b'{"embedding":[1.0]}', "no embeddings"),
        (b'{"embeddings":[[1.0]]}', "1 embeddings for 2 inputs"),
        (b'{"embeddings":[[1.0],[]]}', "no list of numbers"),
        (b'{"embeddings":[[1.0],["x"]]}', "no list of numbers"),
    ],
)
def test_vectors_that_are_none_are_told(body: bytes, words: str) -> None:
    with pytest.raises(UpstreamBroken, match=words):
        egress.read_embeddings(body, TWO)


def test_an_error_in_place_of_vectors_is_told() -> None:
    with pytest.raises(UpstreamRefused, match="out of memory"):
        egress.read_embeddings(b'{"error":"out of memory"}', TWO)


def test_a_text_that_is_too_long_is_refused_when_it_must_stay_whole() -> None:
    error = an_error(400, "the input length exceeds the context length")

    assert (error.status, error.code) == (400, "context_length_exceeded")
    with pytest.raises(InvalidRequest, match="the input length exceeds the context length"):
        egress.shorten(replace(TWO, truncate=False), error)


def test_a_list_of_models_becomes_cards() -> None:
    entry = {
        "name": "llama3:latest",
        "model": "llama3:latest",
        "modified_at": "2026-01-02T03:04:05.123456789+01:00",
        "size": 4683075271,
        "digest": "0a",
        "details": {
            "parent_model": "",
            "family": "llama",
            "families": ["llama"],
            "parameter_size": "8.0B",
            "quantization_level": "Q4_K_M",
            "context_length": 8192,
            "embedding_length": 4096,
        },
        "capabilities": ["completion", "tools", "telepathy"],
    }

    assert egress.read_models(orjson.dumps({"models": [entry, {"model": "old"}, {"size": 3}, "x"]})) == [
        ModelCard(
            "llama3:latest",
            created=1767319445,
            owned_by="library",
            capabilities=frozenset({"completion", "tools"}),
            context_length=8192,
            embedding_length=4096,
            parameter_count=8_000_000_000,
            size_bytes=4683075271,
            family="llama",
            quantization="Q4_K_M",
            tag=entry,
        ),
        ModelCard("old", owned_by="library", tag={"model": "old"}),
    ]


@pytest.mark.parametrize(("size", "count"), [("270.5M", 270_500_000), ("1.2T", 1_200_000_000_000), ("", None), (8, None), ("big", None)])
def test_sizes_are_read_where_they_are_numbers(size: object, count: int | None) -> None:
    (card,) = egress.read_models(orjson.dumps({"models": [{"name": "x", "modified_at": "never", "details": {"parameter_size": size}}]}))

    assert (card.parameter_count, card.created) == (count, 0)


def test_a_server_without_models_has_an_empty_list() -> None:
    assert egress.read_models(b'{"models":[]}') == egress.read_models(b'{"models":null}') == []


@pytest.mark.parametrize("body", [b"Ollama is running", b"[]", b'{"data":[]}', b'{"models":{}}'])
def test_what_is_no_list_of_models_is_told(body: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="/api/tags"):
        egress.read_models(body)


def test_the_list_is_asked_for_once() -> None:
    call = egress.build_models()

    assert (call.path, call.method, egress.next_models(b"{}")) == ("/api/tags", "GET", None)


def test_tokens_are_not_counted() -> None:
    assert egress.build_count(ChatRequest("asked", (said("user", "Hi"),)), to()) is None
    with pytest.raises(UpstreamBroken):
        egress.read_count(b"{}")


@pytest.mark.parametrize(
    ("status", "text", "told"),
    [
        (404, "model 'x' not found", (404, "model_not_found")),
        (404, 'model "x" not found, try pulling it first', (404, "model_not_found")),
        (404, b"404 page not found", (502, None)),
        (400, '"x" does not support chat', (400, None)),
        (401, "unauthorized", (401, None)),
        (503, "server busy, please try again.  maximum pending requests exceeded", (503, None)),
        (500, "llama runner process has terminated: exit status 2", (500, None)),
    ],
)
def test_errors_keep_their_meaning(status: int, text: object, told: tuple[int, str | None]) -> None:
    error = an_error(status, text)

    assert (error.status, error.code) == told


def test_that_a_blob_is_missing_is_told_without_a_body() -> None:
    assert egress.read_error(404, {"content-type": "application/json; charset=utf-8"}, b"").status == 404
    assert egress.read_error(404, {"content-type": "text/plain"}, b"").status == 502


@pytest.mark.parametrize(
    ("status", "text", "changes"),
    [
        (400, '"x" does not support thinking', {"reasoning": "none"}),
        (400, 'invalid think value: "max" (must be "high", "medium", "low", true, or false)', {"efforts": ("low", "medium", "high")}),
        (
            400,
            "json: cannot unmarshal string into Go struct field ChatRequest.think of type bool",
            {"efforts": ("low", "medium", "high")},
        ),
    ],
)
def test_refusals_of_thinking_teach(status: int, text: str, changes: dict[str, Any]) -> None:
    assert egress.repair(an_error(status, text), NATIVE) == replace(NATIVE, **changes)


def test_a_server_that_knows_no_words_for_thinking_is_asked_with_yes_and_no() -> None:
    refusal = an_error(400, "think must be a boolean")
    fewer = egress.repair(refusal, NATIVE)
    assert fewer is not None
    least = egress.repair(refusal, fewer)

    assert least == replace(NATIVE, efforts=())
    assert egress.repair(refusal, least) is None


@pytest.mark.parametrize(
    ("error", "profile"),
    [
        (an_error(400, "registry.ollama.ai/library/x:latest does not support tools"), NATIVE),
        (an_error(404, "model 'x' not found"), NATIVE),
        (an_error(503, "does not support thinking"), NATIVE),
        (an_error(400, '"x" does not support thinking'), replace(NATIVE, reasoning="none")),
    ],
)
def test_other_refusals_teach_nothing(error: UpstreamRefused, profile: Profile) -> None:
    assert egress.repair(error, profile) is None
