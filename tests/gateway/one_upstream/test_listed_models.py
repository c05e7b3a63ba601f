"""The upstream's list of models, and single models of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import refusal
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.gateway.one_upstream.questions import a_client


def test_models_when_listed_are_the_upstreams_bytes(upstream: FakeUpstream, client: FlaskClient) -> None:
    listed = b'{ "data" : [ {"id":"m","created":1700000000.50} ] ,"object":"list"}\n'
    upstream.on("/models", Answer(200, {"Content-Type": "application/json"}, [listed]))
    assert client.get("/v1/models").data == listed


@pytest.mark.parametrize("name", ["org/large:7b", "org%2Flarge%3A7b", "ORG/large:7b"])
def test_model_when_its_name_has_slashes_is_found(client: FlaskClient, name: str) -> None:
    response = client.get(f"/v1/models/{name}")
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["id"].lower() == "org/large:7b"
    assert response.json["owned_by"] == "them"


def test_model_when_the_upstream_tells_of_single_models_is_its_own_bytes(upstream: FakeUpstream, client: FlaskClient) -> None:
    told = b'{ "id":"m", "created":1700000000.50 }\n'
    upstream.on("/models/m", Answer(200, {"Content-Type": "application/json"}, [told]))
    assert client.get("/v1/models/m").data == told


def test_model_when_the_upstream_is_ill_is_its_error(upstream: FakeUpstream, client: FlaskClient) -> None:
    assert client.get("/v1/models").status_code == 200
    upstream.on("/models/m", json_answer(refusal("overloaded"), 400))
    assert client.get("/v1/models/m").status_code == 400


def test_model_when_not_listed_is_not_found(client: FlaskClient) -> None:
    response = client.get("/v1/models/nope/none")
    assert response.status_code == 404
    assert response.json is not None
    assert response.json["error"] == {
        "message": "model 'nope/none' not found",
        "type": "not_found_error",
        "param": "model",
        "code": "model_not_found",
    }


@pytest.mark.parametrize("name", ["plain", "org/large:7b", "with space", "per%cent", "qu?estion", "é"])
def test_model_when_the_upstream_cannot_list_is_asked_for_by_its_name(upstream: FakeUpstream, name: str) -> None:
    listed = json_answer({"error": {"message": "no such route"}}, 404)
    upstream.on("/models", listed)
    targets: list[str] = []

    def script(request: Request) -> Answer:
        targets.append(request.target)
        return json_answer({"id": name, "object": "model"})

    for spelling in {quote(name, safe="/:"), quote(name, safe="/"), quote(name)}:
        upstream.on(f"/models/{spelling}", script)
    response = a_client(upstream).get(f"/v1/models/{quote(name)}")
    assert (response.status_code, response.json) == (200, {"id": name, "object": "model"})
    assert [unquote(target) for target in targets] == [f"/v1/models/{name}"]


def test_model_when_the_upstream_cannot_list_and_has_it_not_is_named(upstream: FakeUpstream) -> None:
    upstream.on("/models", json_answer({"error": {"message": "no such route"}}, 404))
    upstream.on("/models/nope", json_answer(refusal("The model 'nope' does not exist", code="model_not_found"), 404))
    response = a_client(upstream).get("/v1/models/nope")
    assert response.status_code == 404
    assert b"model 'nope' not found" in response.data


def test_path_that_leads_out_of_the_base_url_is_refused(upstream: FakeUpstream) -> None:
    upstream.on("/models", json_answer({"error": {"message": "no such route"}}, 404))
    response = a_client(upstream).get("/v1/models/..%2F..%2Fsecret")
    assert response.status_code in (400, 404)
    assert not any("secret" in request.target for request in upstream.requests)


def test_health_tells_the_age_of_the_list_of_models(upstream: FakeUpstream, client: FlaskClient) -> None:
    def health() -> dict[str, Any]:
        told: dict[str, Any] = client.get("/health").get_json()["upstreams"]["default"]
        return told

    assert (health()["models"], health()["models_age_s"]) == (0, None)
    client.get("/api/tags")
    assert health()["models"] == 3
    assert 0 <= health()["models_age_s"] < 60
