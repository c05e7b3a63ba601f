"""Embeddings: their order, and texts that are too long."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.facts.speech import embeddings_reply, refusal
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.gateway.one_upstream.questions import a_client, asked


def embed(client: FlaskClient, *texts: str, **body: Any) -> TestResponse:
    return client.post("/api/embed", json={"model": "vectors", "input": list(texts), **body})


def test_vectors_when_asked_for_come_in_the_order_of_the_texts(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on("/embeddings", json_answer(embeddings_reply([[1.0, 0.0], [0.0, 1.0]], shuffled=True)))
    response = embed(client, "a", "b")
    assert response.json is not None
    assert response.json["embeddings"] == [[1.0, 0.0], [0.0, 1.0]]
    assert response.json["prompt_eval_count"] == 2


def test_texts_that_are_too_long_are_shortened_until_they_fit(upstream: FakeUpstream, client: FlaskClient) -> None:
    def script(request: Request) -> Answer:
        if len(request.json["input"][0]) > 30:
            return json_answer(refusal("input is too long for the context length"), 400)
        return json_answer(embeddings_reply([[1.0]]))

    upstream.on("/embeddings", script)
    assert embed(client, "x" * 100).status_code == 200
    assert [len(body["input"][0]) for body in asked(upstream, "/embeddings")] == [100, 50, 25]


def test_texts_are_shortened_three_times_at_most(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on("/embeddings", json_answer(refusal("input is too long for the context length"), 400))
    response = embed(client, "x" * 1000)
    assert response.status_code == 400
    assert len(asked(upstream, "/embeddings")) == 4


def test_texts_are_not_shortened_when_the_client_forbids_it(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on("/embeddings", json_answer(refusal("input is too long for the context length"), 400))
    response = embed(client, "x" * 1000, truncate=False)
    assert response.status_code == 400
    assert response.json == {"error": "the input length exceeds the context length"}
    assert len(asked(upstream, "/embeddings")) == 1


def test_texts_that_are_too_long_are_shortened_whatever_the_status_of_the_refusal(upstream: FakeUpstream, client: FlaskClient) -> None:
    def script(request: Request) -> Answer:
        if len(request.json["input"][0]) > 30:
            return json_answer(refusal("This model's maximum context length is 10 tokens", code="context_length_exceeded"))
        return json_answer(embeddings_reply([[1.0]]))

    upstream.on("/embeddings", script)
    assert embed(client, "x" * 100).status_code == 200


def test_vectors_that_are_missing_are_an_error(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on("/embeddings", json_answer(embeddings_reply([[1.0]])))
    assert embed(client, "a", "b").status_code == 502


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings"])
def test_error_instead_of_vectors_has_the_status_that_it_names(upstream: FakeUpstream, client: FlaskClient, path: str) -> None:
    upstream.on("/embeddings", json_answer({"error": {"message": "slow down", "code": 429}}))
    response = client.post(path, json={"model": "vectors", "input": "a", "prompt": "a"})
    assert (response.status_code, response.json) == (429, {"error": "slow down"})


def test_error_instead_of_vectors_is_tried_again(upstream: FakeUpstream) -> None:
    error = json_answer({"error": {"message": "provider is down", "code": 503}})
    upstream.on("/embeddings", error, json_answer(embeddings_reply([[1.0]])))
    assert embed(a_client(upstream, max_retries=1), "a").status_code == 200
