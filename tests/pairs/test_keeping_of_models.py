"""Ollama's clients keep models on the Ollama servers behind the gateway: requests and progress are handed on as they come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, json_answer
from tests.gateway.several import config_of
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import OLLAMA, OPENAI

PROGRESS = [{"status": "pulling manifest"}, {"status": "pulling abc", "total": 10, "completed": 4}, {"status": "success"}]
NDJSON = {"Content-Type": "application/x-ndjson"}
BLOB = b"model" * 100_000
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"


def lines(*records: Any) -> list[bytes]:
    return [json.dumps(record).encode() + b"\n" for record in records]


@pytest.fixture
def cloud() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        OPENAI.play(server, BY_NAME["text"])
        yield server


@pytest.fixture
def client(tmp_path: Path, upstream: FakeUpstream, cloud: FakeUpstream) -> FlaskClient:
    """Of a gateway in front of an OpenAI-style server, which is the default, and an Ollama server."""
    OLLAMA.play(upstream, BY_NAME["text"])
    text = (
        f'[settings]\ndefault_upstream = "cloud"\nrequest_max_size = 100000\n[upstreams.cloud]\nbase_url = "{cloud.base_url}"\n'
        f'[upstreams.boxes]\ndialect = "ollama"\nbase_url = "{upstream.origin}"\n'
    )
    return create_app(config_of(tmp_path, text, {})).test_client()


def test_progress_is_handed_on_and_the_new_model_is_listed_at_once(client: FlaskClient, upstream: FakeUpstream) -> None:
    assert "new:latest" not in [model["name"] for model in client.get("/api/tags").get_json()["models"]]
    upstream.on("/api/pull", Answer(200, NDJSON, lines(*PROGRESS)))
    entry = OLLAMA.models[1]["models"][0]
    upstream.on("/api/tags", json_answer({"models": [entry, {**entry, "name": "new:latest", "model": "new:latest"}]}))
    answer = client.post("/api/pull", data=b'{"model": "new" , "insecure":false}')
    assert (answer.status_code, answer.content_type) == (200, "application/x-ndjson")
    assert answer.data == b"".join(lines(*PROGRESS))
    (request,) = upstream.requests_to("/api/pull")
    assert request.body == b'{"model": "new" , "insecure":false}'
    assert "new:latest" in [model["name"] for model in client.get("/api/tags").get_json()["models"]]


def test_a_new_model_is_listed_at_once_to_the_key_that_fetched_it(tmp_path: Path, upstream: FakeUpstream) -> None:
    models = ["old"]

    def listed(request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer sk-of-a-client":
            return json_answer({"error": "unauthorized"}, 401)
        return json_answer({"models": [{**OLLAMA.models[1]["models"][0], "name": name, "model": name} for name in models]})

    def pulled(request: Request) -> Answer:
        models.append("new:latest")
        return Answer(200, NDJSON, lines(*PROGRESS))

    upstream.on("/api/tags", listed)
    upstream.on("/api/pull", pulled)
    text = f'[upstreams.boxes]\ndialect = "ollama"\nbase_url = "{upstream.origin}"\npass_client_key = true\n[aliases]\n"quick" = "old"\n'
    client = create_app(config_of(tmp_path, text, {})).test_client()
    key = {"Authorization": "Bearer sk-of-a-client"}

    def names() -> list[str]:
        return sorted(model["name"] for model in client.get("/api/tags", headers=key).get_json()["models"])

    assert names() == ["old:latest", "quick:latest"]
    assert client.post("/api/pull", json={"model": "new"}, headers=key).data == b"".join(lines(*PROGRESS))
    assert names() == ["new:latest", "old:latest", "quick:latest"]


def test_who_may_not_fetch_a_model_hears_what_to_send(tmp_path: Path, upstream: FakeUpstream) -> None:
    upstream.on("/api/tags", json_answer({"error": "unauthorized"}, 401))
    upstream.on("/api/pull", json_answer({"error": "unauthorized"}, 401))
    text = f'[upstreams.boxes]\ndialect = "ollama"\nbase_url = "{upstream.origin}"\npass_client_key = true\n'
    client = create_app(config_of(tmp_path, text, {})).test_client()
    answer = client.post("/api/pull", json={"model": "new"}, headers={"Authorization": "Bearer sk-of-nobody"})
    assert (answer.status_code, "sk-of-nobody" in answer.text) == (401, False)
    assert "refused the key that this request brought" in answer.get_json()["error"]


def test_a_connection_that_is_lost_after_success_takes_nothing_away(client: FlaskClient, upstream: FakeUpstream) -> None:
    client.get("/api/tags")
    upstream.on("/api/pull", Answer(200, NDJSON, [*lines(*PROGRESS), CUT]))
    entry = OLLAMA.models[1]["models"][0]
    upstream.on("/api/tags", json_answer({"models": [entry, {**entry, "name": "new:latest", "model": "new:latest"}]}))
    assert client.post("/api/pull", json={"model": "new"}).data == b"".join(lines(*PROGRESS))
    assert "new:latest" in [model["name"] for model in client.get("/api/tags").get_json()["models"]]


def test_progress_that_is_cut_ends_in_an_error(client: FlaskClient, upstream: FakeUpstream) -> None:
    upstream.on("/api/pull", Answer(200, NDJSON, [*lines(*PROGRESS[:2]), b'{"status": "pul', CUT]))
    records = [json.loads(line) for line in client.post("/api/pull", json={"model": "new"}).data.splitlines()]
    assert records[:2] == PROGRESS[:2]
    assert list(records[2]) == ["error"]
    assert len(records) == 3


def test_a_refusal_keeps_its_status_and_words(client: FlaskClient, upstream: FakeUpstream) -> None:
    upstream.on("/api/pull", json_answer({"error": "pull model manifest: file does not exist"}, 500))
    answer = client.post("/api/pull", json={"model": "new", "stream": False})
    assert (answer.status_code, answer.get_json()) == (500, {"error": "pull model manifest: file does not exist"})


def test_a_model_of_another_server_is_none_of_ollamas_business(client: FlaskClient, upstream: FakeUpstream) -> None:
    answer = client.delete("/api/delete", json={"model": "cloud/m"})
    assert answer.status_code == 501
    assert client.post("/api/show", json={"model": "cloud/m"}).status_code == 200
    assert not upstream.requests_to("/api/delete")


def test_a_model_is_deleted_where_it_is_and_by_its_name_there(client: FlaskClient, upstream: FakeUpstream) -> None:
    upstream.on("/api/delete", Answer(200, {}, [], "length"))
    answer = client.delete("/api/delete", json={"model": "boxes/m"})
    assert (answer.status_code, answer.data) == (200, b"")
    (request,) = upstream.requests_to("/api/delete")
    assert (request.method, request.json) == ("DELETE", {"model": "m"})


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/octet-stream"}], ids=["bare", "typed"])
def test_blobs_of_any_size_are_sent_on_as_they_come(client: FlaskClient, upstream: FakeUpstream, headers: dict[str, str]) -> None:
    upstream.on(f"/api/blobs/{DIGEST}", Answer(404, {}, [], "length"), Answer(201, {}, [], "length"))
    assert client.head(f"/api/blobs/{DIGEST}").status_code == 404
    answer = client.post(f"/api/blobs/{DIGEST}", data=BLOB, headers=headers)
    assert (answer.status_code, answer.data) == (201, b"")
    asked, sent = upstream.requests_to(f"/api/blobs/{DIGEST}")
    assert (asked.method, asked.headers.get("content-length")) == ("HEAD", None)
    assert (sent.method, sent.body == BLOB, sent.headers["content-length"]) == ("POST", True, str(len(BLOB)))


def test_an_upload_is_not_sent_twice(client: FlaskClient, upstream: FakeUpstream) -> None:
    def die(_: Request) -> Answer:
        return Answer(before=[CUT])

    upstream.on(f"/api/blobs/{DIGEST}", die)
    answer = client.post(f"/api/blobs/{DIGEST}", data=BLOB)
    assert answer.status_code in (502, 503)
    assert answer.get_json()["error"]
    assert len(upstream.requests_to(f"/api/blobs/{DIGEST}")) == 1


def test_what_is_loaded_is_told_by_the_server(client: FlaskClient, upstream: FakeUpstream) -> None:
    upstream.on("/api/ps", json_answer({"models": [{"name": "m", "size_vram": 1}]}))
    assert client.get("/api/ps").get_json() == {"models": [{"name": "boxes/m:latest", "model": "boxes/m:latest", "size_vram": 1}]}


def test_who_has_no_ollama_server_is_refused_as_ever(tmp_path: Path, cloud: FakeUpstream) -> None:
    text = f'[upstreams.cloud]\nbase_url = "{cloud.base_url}"\n'
    client = create_app(config_of(tmp_path, text, {})).test_client()
    assert client.post(f"/api/blobs/{DIGEST}", data=b"x").status_code == 501
    assert client.post("/api/create", json={"model": "new", "from": "m"}).status_code == 501


@pytest.fixture
def other() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server


@pytest.fixture
def two_boxes(tmp_path: Path, upstream: FakeUpstream, other: FakeUpstream, cloud: FakeUpstream) -> FlaskClient:
    """Of a gateway in front of two Ollama servers, `l` with one model, `m` with another, and a cloud."""
    entry = OLLAMA.models[1]["models"][0]
    for server, name in ((upstream, "llama3.2:latest"), (other, "only-m:latest")):
        server.on("/api/tags", json_answer({"models": [{**entry, "name": name, "model": name}]}))
        server.on("/api/create", Answer(200, NDJSON, lines({"status": "success"})))
        server.on("/api/copy", Answer(200, {}, [], "length"))
    boxes = "".join(
        f'[upstreams.{name}]\ndialect = "ollama"\nbase_url = "{server.origin}"\n{more}'
        for name, server, more in (
            ("l", upstream, 'aliases = { "both" = "llama3.2" }\n'),
            ("m", other, 'aliases = { "quick" = "only-m:latest", "both" = "only-m" }\n'),
        )
    )
    aliases = '[aliases]\n"mario2" = "l/llama3.2"\n"mine" = "m/only-m"\n"only-m" = "m/only-m"\n"cl" = "cloud/m"\n'
    text = f'[settings]\ndefault_upstream = "l"\n{boxes}{aliases}[upstreams.cloud]\nbase_url = "{cloud.base_url}"\n'
    return create_app(config_of(tmp_path, text, {})).test_client()


@pytest.mark.parametrize(
    ("model", "source", "home", "got"),
    [
        ("mario", "only-m", "m", {"model": "mario", "from": "only-m"}),
        ("m/mario", "m/only-m", "m", {"model": "mario", "from": "only-m:latest"}),
        ("mario", "m/only-m", "m", {"model": "mario", "from": "only-m:latest"}),
        ("m/mario", "only-m", "m", {"model": "mario", "from": "only-m"}),
        ("m/mario", "quick", "m", {"model": "mario", "from": "only-m:latest"}),
        ("m/mario", "mine", "m", {"model": "mario", "from": "only-m"}),
        ("m/mario", "both", "m", {"model": "mario", "from": "only-m"}),
        ("mario", "both", "l", {"model": "mario", "from": "llama3.2"}),
        ("mario", "mario2", "l", {"model": "mario", "from": "llama3.2"}),
        ("l/mario", "mario2", "l", {"model": "mario", "from": "llama3.2"}),
        ("mario", "l/llama3.2", "l", {"model": "mario", "from": "llama3.2:latest"}),
        ("mario", "nobodys:1b", "l", {"model": "mario", "from": "nobodys:1b"}),
        ("m/mario", "llama3.2", "m", {"model": "mario", "from": "llama3.2"}),
        ("llama3.2", "only-m", "m", {"model": "llama3.2", "from": "only-m"}),
        ("mario:8b", "M/only-m", "m", {"model": "mario:8b", "from": "only-m:latest"}),
    ],
)
def test_a_model_is_made_where_its_name_says_else_where_what_it_is_made_of_is(
    two_boxes: FlaskClient, upstream: FakeUpstream, other: FakeUpstream, model: str, source: str, home: str, got: Any
) -> None:
    answer = two_boxes.post("/api/create", json={"model": model, "from": source, "system": "be Mario"})
    assert (answer.status_code, answer.data) == (200, b"".join(lines({"status": "success"})))
    server, away = (upstream, other) if home == "l" else (other, upstream)
    (request,) = server.requests_to("/api/create")
    assert request.json == got | {"system": "be Mario"}
    assert not away.requests_to("/api/create")


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/api/create", {"model": "l/mario", "from": "m/only-m"}, "'from'"),
        ("/api/create", {"model": "cloud/mario", "from": "m/only-m"}, "'from'"),
        ("/api/create", {"model": "m/mario", "from": "mario2"}, "'from' is on l, and 'model' is to be on m"),
        ("/api/create", {"model": "l/mario", "from": "quick"}, "'from' is on m, and 'model' is to be on l"),
        ("/api/create", {"model": "cloud/mario", "from": "mario2"}, "'from'"),
        ("/api/copy", {"source": "only-m", "destination": "l/copy1"}, "not on l"),
        ("/api/copy", {"source": "l/llama3.2", "destination": "cloud/copy1"}, "not on cloud"),
    ],
)
def test_a_model_is_not_made_of_one_on_another_server(
    two_boxes: FlaskClient, upstream: FakeUpstream, other: FakeUpstream, path: str, body: Any, param: str
) -> None:
    answer = two_boxes.post(path, json=body)
    assert answer.status_code == 400
    assert param in answer.get_json()["error"]
    assert not [*upstream.requests_to(path), *other.requests_to(path)]


def test_a_model_is_not_made_of_one_that_no_ollama_server_has(two_boxes: FlaskClient) -> None:
    for body in ({"model": "mario", "from": "cloud/m"}, {"model": "cloud/mario", "from": "only-m"}, {"model": "m/mario", "from": "cl"}):
        assert two_boxes.post("/api/create", json=body).status_code == 501


def test_a_copy_may_say_where_it_is(two_boxes: FlaskClient, other: FakeUpstream) -> None:
    for destination in ("m/copy1", "M/copy1", "copy1", "you/copy1"):
        assert two_boxes.post("/api/copy", json={"source": "only-m", "destination": destination}).status_code == 200
    assert [request.json["destination"] for request in other.requests_to("/api/copy")] == ["copy1", "copy1", "copy1", "you/copy1"]
