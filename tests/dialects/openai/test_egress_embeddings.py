"""Vectors: asking, reading, and texts that are too long."""

from __future__ import annotations

import base64
import math
import struct
from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.dialects.openai import egress
from proxy.errors import InvalidRequest, UpstreamBroken, UpstreamRefused
from proxy.profiles import PROFILES
from tests.dialects.openai.asking import a_refusal, body_of, openai_refusal, to


def a_request(*inputs: str, **changes: Any) -> EmbeddingsRequest:
    return EmbeddingsRequest(**{"model": "asked", "inputs": inputs or ("one",), **changes})


def asked(profile: Any = "generic", **changes: Any) -> dict[str, Any]:
    call = egress.build_embeddings(a_request(**changes), to(profile))
    assert (call.path, call.method, call.model) == ("/embeddings", "POST", "sent")
    return body_of(call.body)


# Asking


def test_texts_are_sent_as_a_list_and_floats_are_asked_for() -> None:
    assert asked(inputs=("a", "b")) == {"model": "sent", "input": ["a", "b"], "encoding_format": "float"}


def test_dimensions_go_where_they_are_understood() -> None:
    assert asked(dimensions=64)["dimensions"] == 64
    assert "dimensions" not in asked("mistral", dimensions=64)
    assert "dimensions" not in asked()


@pytest.mark.parametrize(
    ("profile", "extra"), [("vllm", {"truncate_prompt_tokens": -1}), ("nim", {"truncate": "END"}), ("openai", {}), ("generic", {})]
)
def test_who_can_shorten_texts_is_asked_to_unless_the_client_objects(profile: str, extra: dict[str, Any]) -> None:
    plain = {"model": "sent", "input": ["one"], "encoding_format": "float"}
    assert asked(profile) == plain | extra
    assert asked(profile, truncate=False) == plain


def test_learnt_fields_are_sent_or_left_out() -> None:
    profile = replace(
        PROFILES["vllm"], embeddings={"input_type": "passage"}, dropped=frozenset({"encoding_format", "truncate_prompt_tokens"})
    )
    assert asked(profile) == {"model": "sent", "input": ["one"], "input_type": "passage"}


# Reading


def an_answer(*vectors: Any, **extra: Any) -> bytes:
    return orjson.dumps({"object": "list", "data": [{"index": index, "embedding": each} for index, each in enumerate(vectors)], **extra})


def vectors(body: bytes, **changes: Any) -> list[list[float]]:
    return [list(vector) for vector in egress.read_embeddings(body, a_request(**changes)).vectors]


def test_vectors_come_in_the_order_of_their_texts() -> None:
    body = orjson.dumps({"data": [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 0.0]}]})
    assert vectors(body, inputs=("a", "b")) == [[1.0, 0.0], [0.0, 1.0]]


def test_vectors_without_index_come_as_they_are() -> None:
    assert vectors(orjson.dumps({"data": [{"embedding": [1.0]}, {"embedding": [-1.0]}]}), inputs=("a", "b")) == [[1.0], [-1.0]]


def test_base64_is_read_as_little_endian_single_floats() -> None:
    numbers = [0.6, -0.8]
    text = base64.b64encode(struct.pack("<2f", *numbers)).decode()
    assert vectors(an_answer(text), normalize=False) == [list(struct.unpack("<2f", struct.pack("<2f", *numbers)))]


def test_vectors_get_length_1_where_that_is_asked_for() -> None:
    assert vectors(an_answer([3, 4])) == [[0.6, 0.8]]
    assert vectors(an_answer([3, 4]), normalize=False) == [[3, 4]]
    assert vectors(an_answer([0.0, 0.0])) == [[0.0, 0.0]]


def test_a_unit_vector_keeps_its_numbers() -> None:
    unit = list(struct.unpack("<3f", struct.pack("<3f", *(1 / math.sqrt(3),) * 3)))
    assert vectors(an_answer(unit)) == [unit]


@pytest.mark.parametrize("normalize", [True, False])
def test_dimensions_that_the_server_did_not_cut_are_cut_here(normalize: bool) -> None:
    assert vectors(an_answer([3.0, 4.0, 12.0]), dimensions=2, normalize=normalize) == [[0.6, 0.8]]
    assert vectors(an_answer([0.6, 0.8]), dimensions=8, normalize=normalize) == [[0.6, 0.8]]


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 5, "total_tokens": 6}, 5),
        ({"prompt_tokens": None, "total_tokens": 6}, 6),
        ({"prompt_tokens": 0}, 0),
        ({"prompt_tokens": "5"}, None),
        (None, None),
    ],
)
def test_tokens_are_counted_as_the_server_says(usage: Any, tokens: int | None) -> None:
    assert egress.read_embeddings(an_answer([1.0], usage=usage), a_request()).prompt_tokens == tokens


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "no JSON"),
        (b"[]", "no embeddings"),
        (b'{"data":null}', "no embeddings"),
        (b'{"data":["x"]}', "no embeddings"),
        (an_answer(), "0 embeddings for 1"),
        (an_answer([1.0], [1.0]), "2 embeddings for 1"),
        (b'{"data":[{"index":[0],"embedding":[1.0]}]}', "no embedding for input 0"),
        (b'{"data":[{"index":{},"embedding":[1.0]}]}', "no embedding for input 0"),
        (b'{"data":[{"index":3,"embedding":[1.0]}]}', "no embedding for input 0"),
        (b'{"data":[{"index":"0","embedding":[1.0]}]}', "no embedding for input 0"),
        (an_answer([]), "no list of numbers"),
        (an_answer(None), "no list of numbers"),
        (an_answer([1.0, None]), "no list of numbers"),
        (an_answer([[1.0]]), "no list of numbers"),
        (an_answer([0.5, True]), "no list of numbers"),
        (an_answer([1.0, "2"]), "no list of numbers"),
        (an_answer("%%%"), "no base64 of floats"),
        (an_answer("AAA="), "no base64 of floats"),
        (an_answer(""), "empty embedding"),
        (an_answer(base64.b64encode(struct.pack("<f", math.nan)).decode()), "not finite"),
    ],
)
def test_what_is_no_vector_is_an_error(body: bytes, words: str) -> None:
    with pytest.raises(UpstreamBroken, match=words):
        vectors(body)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "slow down", "code": 429}},
        [{"error": {"message": "slow down", "code": 429}}],
        {"object": "error", "message": "slow down", "code": 429},
    ],
)
def test_an_error_instead_of_vectors_is_told(body: object) -> None:
    with pytest.raises(UpstreamRefused, match="slow down") as caught:
        vectors(orjson.dumps(body))
    assert (caught.value.status, caught.value.upstream_status) == (429, 200)


# Texts that are too long

TOO_LONG = [
    ("This model's maximum context length is 8192 tokens, however you requested 10000 tokens (10000 in your prompt).", 8192 / 10000),
    ("This model's maximum context length is 512 tokens. However, you requested 600 tokens in the input for embedding.", 512 / 600),
    ("This model's maximum context length is 512 tokens. However, your request has 600 input tokens.", 512 / 600),
    ("Input validation error: `inputs` must have less than 512 tokens. Given: 600", 512 / 600),
    ("Input length 541 exceeds maximum allowed token size 512", 512 / 541),
    ("Input id 0 has 10000 tokens, exceeding max 8192 tokens.", 8192 / 10000),
    ("input (1234 tokens) is too large to process. increase the physical batch size (current batch size: 512)", 512 / 1234),
    ("the request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it", 4096 / 9000),
]


@pytest.mark.parametrize(("message", "share"), TOO_LONG)
def test_the_numbers_of_the_refusal_tell_how_much_is_too_much(message: str, share: float) -> None:
    shorter = egress.shorten(a_request("x" * 40_000, "y" * 9), openai_refusal(message))
    assert shorter is not None
    assert share * 0.95 * 40_000 < len(shorter.inputs[0]) < share * 40_000
    assert shorter.inputs[1] == "y" * 9, "what is short enough stays"


def test_a_limit_alone_tells_how_long_a_text_may_be() -> None:
    error = openai_refusal("Invalid 'input[1]': maximum context length is 8192 tokens.", "input[1]")
    first = egress.shorten(a_request("x" * 40_000), error)
    assert first is not None
    assert len(first.inputs[0]) == 3 * 8192
    second = egress.shorten(first, error)
    assert second is not None
    assert len(second.inputs[0]) == 3 * 8192 // 2


@pytest.mark.parametrize("message", ["the input length exceeds the context length", "input is too long"])
def test_without_numbers_the_longest_text_loses_half(message: str) -> None:
    shorter = egress.shorten(a_request("x" * 100, "y" * 60, "z"), a_refusal({"error": message}))
    assert shorter is not None
    assert list(map(len, shorter.inputs)) == [50, 50, 1]


def test_a_code_is_enough() -> None:
    assert egress.shorten(a_request("x" * 10), openai_refusal("Too much.", code="context_length_exceeded")) is not None


def test_a_client_that_wants_whole_texts_is_told_in_ollamas_words() -> None:
    with pytest.raises(InvalidRequest) as caught:
        egress.shorten(a_request("x" * 10, truncate=False), openai_refusal(TOO_LONG[0][0]))
    assert (caught.value.message, caught.value.status) == ("the input length exceeds the context length", 400)
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    "error",
    [
        openai_refusal("Unknown parameter: 'dimensions'."),
        openai_refusal("Requested 400000 tokens, max 300000 tokens per request"),
        openai_refusal("maximum context length is 512 tokens", status=401),
        openai_refusal("The model does not exist", status=404),
    ],
)
def test_other_refusals_shorten_nothing(error: Any) -> None:
    assert egress.shorten(a_request("x" * 10), error) is None


def test_what_cannot_get_shorter_does_not() -> None:
    assert egress.shorten(a_request("x"), openai_refusal(TOO_LONG[0][0])) is None
