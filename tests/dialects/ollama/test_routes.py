"""The views on Flask's test client, with a stand-in for the gateway: what is asked of it, and what becomes of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from proxy.canonical.catalog import ListedModel, ModelCard
from proxy.dialects.ollama.routes import make_blueprint
from proxy.errors import ModelNotFound, UpstreamUnavailable
from proxy.gateway import Gateway
from proxy.settings import Settings
from proxy.web.mounting import attach_mount
from proxy.web.state import MountState
from proxy.wire.messages import ANYBODY, Client
from tests.dialects.ollama.answers import records

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"
DIGEST = "sha256:" + "0a" * 32
CHATTY = ModelCard("chatty", created=5, context_length=8192)


@dataclass
class StandInGateway:
    """Knows one model."""

    names: Sequence[str] = ("chatty",)
    down: bool = False
    tells_clients_apart: bool = False

    def lists_as_its_own(self, dialect: str) -> bool:
        return False

    def home_of(self, dialect: str, model: str = "", _client: Client = ANYBODY) -> None:
        return None

    def source_of(self, dialect: str, model: str, _client: Client = ANYBODY, *, wanted: str = "") -> None:
        return None

    def keeper_of(self, dialect: str, model: str, _client: Client = ANYBODY, *, is_new: bool = False) -> None:
        return None

    def named_upstream(self, name: str) -> str:
        return ""

    def models(self, _client: Client) -> Sequence[ListedModel]:
        if self.down:
            raise UpstreamUnavailable("the upstream cannot be reached")
        return [ListedModel(name, CHATTY, "here") for name in self.names]

    def find_model(self, name: str, _client: Client, *, may_be_unlisted: bool = False) -> ListedModel:
        if self.down:
            raise UpstreamUnavailable("the upstream cannot be reached")
        if name.removesuffix(":latest") not in self.names:
            raise ModelNotFound(name)
        return ListedModel(name, CHATTY, "here")


def a_client(gateway: StandInGateway | None = None, **settings: Any) -> FlaskClient:
    app = Flask("test")
    blueprint = make_blueprint("proxy1_ollama")
    attach_mount(blueprint, MountState(Settings(**settings), cast(Gateway, gateway or StandInGateway()), None))
    app.register_blueprint(blueprint)
    return app.test_client()


def assert_json(response: TestResponse, status: int, body: object) -> None:
    assert (response.status_code, response.content_type, response.json) == (status, JSON, body)


@pytest.mark.parametrize("accept", [None, "*/*", "text/html,application/json", "application/json, text/plain, */*"])
def test_the_root_says_that_ollama_is_running(accept: str | None) -> None:
    response = a_client().get("/", headers={"Accept": accept} if accept else {})

    assert (response.status_code, response.content_type, response.data) == (200, "text/plain; charset=utf-8", b"Ollama is running")


def test_head_of_the_root_is_empty() -> None:
    response = a_client().head("/")

    assert (response.status_code, response.data) == (200, b"")


@pytest.mark.parametrize("accept", ["application/json", "application/json;q=0.9"])
def test_the_root_describes_the_service_to_those_who_take_only_json(accept: str) -> None:
    response = a_client(ollama_version="0.40.0").get("/", headers={"Accept": accept})

    assert (response.status_code, response.content_type) == (200, JSON)
    assert response.json is not None
    assert response.json["ollama_version"] == "0.40.0"
    endpoints = {endpoint["path"]: endpoint["methods"] for endpoint in response.json["endpoints"]}
    assert endpoints["/api/chat"] == ["POST"]
    assert endpoints["/api/tags"] == ["GET", "HEAD"]
    assert not any("static" in path for path in endpoints)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/", "GET HEAD"),
        ("/api/version", "GET HEAD"),
        ("/api/tags", "GET HEAD"),
        ("/api/ps", "GET"),
        ("/api/status", "GET"),
        ("/api/show", "POST"),
        ("/api/chat", "POST"),
        ("/api/generate", "POST"),
        ("/api/embed", "POST"),
        ("/api/embeddings", "POST"),
        ("/api/pull", "POST"),
        ("/api/push", "POST"),
        ("/api/create", "POST"),
        ("/api/copy", "POST"),
        ("/api/delete", "DELETE"),
        (f"/api/blobs/{DIGEST}", "HEAD POST"),
        ("/api/me", "POST"),
        ("/api/signout", "POST"),
        ("/api/user/keys/a/b=", "DELETE"),
        ("/api/experimental/web_search", "POST"),
        ("/api/experimental/web_fetch", "POST"),
        ("/api/experimental/model-recommendations", "GET"),
    ],
)
def test_each_url_takes_exactly_its_methods(path: str, methods: str) -> None:
    client = a_client()

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        status = client.open(path, method=method).status_code
        assert (status != 405) == (method in methods.split()), (method, status)
        assert status != 404


def test_version_comes_from_the_settings() -> None:
    assert_json(a_client(ollama_version="0.40.0").get("/api/version"), 200, {"version": "0.40.0"})
    assert a_client().head("/api/version").status_code == 200


def test_tags_list_models_and_aliases() -> None:
    response = a_client(StandInGateway(names=("llama3", "chatty"))).get("/api/tags")

    assert (response.status_code, response.content_type) == (200, JSON)
    assert response.json is not None
    assert [model["name"] for model in response.json["models"]] == ["chatty:latest", "llama3:latest"]


def test_tags_of_an_upstream_that_never_answered_are_an_error() -> None:
    assert_json(a_client(StandInGateway(down=True)).get("/api/tags"), 503, {"error": "the upstream cannot be reached"})


def test_nothing_is_loaded_and_there_is_no_cloud() -> None:
    assert_json(a_client().get("/api/ps"), 200, {"models": []})
    assert_json(a_client().get("/api/status"), 200, {"cloud": {"disabled": False, "source": "none"}})


@pytest.mark.parametrize("payload", [{"model": "chatty"}, {"name": "chatty"}, {"model": "", "name": "chatty"}, {"MODEL": "chatty"}])
def test_show_takes_either_name(payload: dict[str, str]) -> None:
    response = a_client().post("/api/show", json=payload)

    assert (response.status_code, response.content_type) == (200, JSON)
    assert response.json is not None
    assert response.json["model_info"]["unknown.context_length"] == 8192


def test_show_names_the_unknown_model_in_full() -> None:
    assert_json(a_client().post("/api/show", json={"model": "x"}), 404, {"error": "model 'x:latest' not found"})
    assert_json(a_client().post("/api/show", json={}), 400, {"error": "model is required"})
    assert_json(a_client().post("/api/show"), 400, {"error": "missing request body"})


def test_show_gives_copilot_the_name_it_asked_for() -> None:
    response = a_client().post("/api/show", json={"model": "chatty:latest"}, headers={"User-Agent": "GitHubCopilotChat/1"})

    assert response.json is not None
    assert response.json["model_info"]["general.basename"] == "chatty:latest"


def test_show_of_any_model_is_503_while_the_list_was_never_seen() -> None:
    client = a_client(StandInGateway(down=True))

    assert_json(client.post("/api/show", json={"model": "chatty"}), 503, {"error": "the upstream cannot be reached"})


def test_pull_of_a_known_model_succeeds() -> None:
    response = a_client().post("/api/pull", json={"name": "chatty"})

    assert (response.status_code, response.content_type) == (200, NDJSON)
    lines = records(response.data)
    assert (lines[0], lines[-1]) == ({"status": "pulling manifest"}, {"status": "success"})
    digest = a_client().get("/api/tags").json["models"][0]["digest"]  # type: ignore[index]
    assert lines[1]["digest"] == f"sha256:{digest}"
    assert_json(a_client().post("/api/pull", json={"name": "chatty", "stream": False}), 200, {"status": "success"})


def test_pull_of_an_unknown_model_fails_as_in_ollama() -> None:
    error = {"error": "pull model manifest: file does not exist"}
    response = a_client().post("/api/pull", json={"model": "x"})

    assert (response.status_code, response.content_type) == (200, NDJSON)
    assert records(response.data) == [{"status": "pulling manifest"}, error]
    assert_json(a_client().post("/api/pull", json={"model": "x", "stream": False}), 500, error)


@pytest.mark.parametrize(
    ("method", "path", "payload"),
    [
        ("POST", "/api/push", {"model": "chatty"}),
        ("POST", "/api/create", {"model": "new", "from": "chatty"}),
        ("POST", "/api/copy", {"source": "chatty", "destination": "b"}),
        ("DELETE", "/api/delete", {"name": "chatty"}),
        ("POST", f"/api/blobs/{DIGEST}", None),
        ("POST", "/api/blobs/sha256-" + "0a" * 32, None),
        ("POST", "/api/experimental/web_search", {"query": "x"}),
        ("POST", "/api/experimental/web_fetch", {"url": "x"}),
    ],
)
def test_what_cannot_be_done_here_is_501_with_a_hint(method: str, path: str, payload: dict[str, str] | None) -> None:
    response = a_client().open(path, method=method, json=payload)

    assert (response.status_code, response.content_type) == (501, JSON)
    assert response.json is not None
    assert list(response.json) == ["error"]
    assert ";" in response.json["error"]


@pytest.mark.parametrize(
    ("method", "path", "payload", "status", "error"),
    [
        ("POST", "/api/push", {}, 400, "model is required"),
        ("POST", "/api/create", {"model": "a"}, 400, "neither 'from' or 'files' was specified"),
        ("POST", "/api/copy", {"destination": "b"}, 400, 'source "" is invalid'),
        ("POST", "/api/copy", {"source": "x", "destination": "b"}, 404, 'model "x" not found'),
        ("DELETE", "/api/delete", {"model": "x"}, 404, "model 'x' not found"),
        ("POST", "/api/blobs/nonsense", None, 400, "invalid digest format"),
        ("POST", "/api/blobs/sha256:" + "0g" * 32, None, 400, "invalid digest format"),
        ("POST", "/api/experimental/web_search", None, 400, "missing request body"),
    ],
)
def test_what_is_wrong_is_told_before_what_cannot_be_done(
    method: str, path: str, payload: dict[str, str] | None, status: int, error: str
) -> None:
    assert_json(a_client().open(path, method=method, json=payload), status, {"error": error})


def test_a_blob_is_refused_before_it_is_uploaded() -> None:
    response = a_client().head(f"/api/blobs/{DIGEST}")

    assert (response.status_code, response.data) == (501, b"")


def test_nobody_is_signed_in_and_no_address_to_sign_in_is_given() -> None:
    assert_json(a_client().post("/api/me"), 401, {"error": "unauthorized"})
    for response in (a_client().post("/api/signout"), a_client().delete("/api/user/keys/abc")):
        assert (response.status_code, response.data) == (200, b"null")
    assert_json(a_client().get("/api/experimental/model-recommendations"), 200, {"recommendations": []})
