"""Answers that gateways are known to get wrong before a stream has begun, in every pair and with the gateway's status. See `cases.toml`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.pairs.clients import INGRESSES, Ingress
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME, TROUBLE
from tests.pairs.upstreams import EGRESSES, OPENAI, Egress

TEXT = BY_NAME["text"]
EVERYWHERE = pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
EVERYBODY = pytest.mark.parametrize("ingress", INGRESSES, ids=[ingress.name for ingress in INGRESSES])


def play(upstream: FakeUpstream, egress: Egress, answer: Answer) -> None:
    """Lets the upstream answer chats so."""
    egress.play(upstream, TEXT)
    for path in egress.paths:
        upstream.on(path, answer)


@EVERYBODY
def test_a_whole_answer_in_place_of_a_stream(gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress) -> None:
    play(upstream, OPENAI, json_answer(OPENAI.whole(TEXT)))
    answer = gateway_of(upstream, OPENAI).post(
        ingress.path, json={"model": "m", **ingress.body(TEXT), "stream": True}, headers=dict(ingress.headers)
    )
    # Where both speak OpenAI's chats, the bytes are the upstream's.
    told = ingress.read_whole(answer.get_json()) if ingress.name == "openai.chat" else ingress.read_stream(answer.data)
    assert (told.text, told.finish, told.ended) == (TEXT.text, "stop", True)


@EVERYBODY
@EVERYWHERE
def test_a_stream_whose_type_nobody_told(gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress, egress: Egress) -> None:
    play(upstream, egress, Answer(200, {}, egress.steps(TEXT)))
    told = ingress.ask(gateway_of(upstream, egress), TEXT, stream=True)
    assert (told.text, told.finish, told.error) == (TEXT.text, "stop", "")


@EVERYBODY
@EVERYWHERE
def test_an_error_before_the_first_word_has_a_status(gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress, egress: Egress) -> None:
    play(upstream, egress, Answer(200, egress.stream_headers, [egress.written(egress.trouble)]))
    told = ingress.ask(gateway_of(upstream, egress), TEXT, stream=True)
    assert told.status >= 500
    assert TROUBLE in told.error


OVERLOADED: dict[str, Any] = {
    "openai": ({"error": {"message": "overloaded", "type": "server_error"}}, 503),
    "anthropic": ({"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}}, 529),
    "gemini": ({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}, 503),
    "ollama": ({"error": "overloaded"}, 503),
}


@EVERYBODY
@EVERYWHERE
def test_an_overloaded_server_is_told_in_each_language(
    gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress, egress: Egress
) -> None:
    body, status = OVERLOADED[egress.name]
    play(upstream, egress, json_answer(body, status))
    answer = gateway_of(upstream, egress).post(ingress.path, json={"model": "m", **ingress.body(TEXT)}, headers=dict(ingress.headers))
    error = answer.get_json()["error"]
    assert "overloaded" in json.dumps(error)
    match ingress.dialect:
        case "anthropic":
            assert (answer.status_code, error["type"]) == (status if egress.name == "anthropic" else 503, "overloaded_error")
        case "ollama":
            assert (answer.status_code, type(error)) == (503, str)
        case _:
            assert (answer.status_code, error["type"]) == (503, "server_error")


@EVERYBODY
@EVERYWHERE
def test_a_model_that_nobody_has_is_told_in_each_language(
    gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress, egress: Egress
) -> None:
    unknown: dict[str, Any] = {
        "openai": {"error": {"message": "The model `x` does not exist", "type": "invalid_request_error", "code": "model_not_found"}},
        "anthropic": {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}},
        "gemini": {"error": {"code": 404, "message": "models/x is not found for API version v1beta", "status": "NOT_FOUND"}},
        "ollama": {"error": "model 'x' not found"},
    }
    egress.play(upstream, TEXT)
    for path in (*egress.paths, "/responses"):
        upstream.on(path.replace("/m:", "/x:"), json_answer(unknown[egress.name], 404))
    answer = gateway_of(upstream, egress).post(ingress.path, json={"model": "x", **ingress.body(TEXT)}, headers=dict(ingress.headers))
    error = answer.get_json()["error"]
    assert answer.status_code == 404
    match ingress.dialect:
        case "anthropic":
            assert error["type"] == "not_found_error"
        case "ollama":
            assert error == "model 'x' not found"
        case _:
            assert error["code"] in ("model_not_found", None)
            assert "x" in error["message"]
