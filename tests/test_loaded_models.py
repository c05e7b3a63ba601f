"""What Ollama servers have loaded, as the clients of the gateway see it: `/api/ps`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.fake_upstream import CUT, STALL, Answer, FakeUpstream, json_answer
from tests.gateway import several

TWO = """
[upstreams.a]
dialect = "ollama"
base_url = @a
models.hide = ["secret:*"]

[upstreams.b]
dialect = "ollama"
base_url = @b

[aliases]
nick = "b/mistral:7b"
"""


def a_box(upstream: FakeUpstream, listed: tuple[str, ...], loaded: dict[str, int]) -> None:
    """Lets the server list these models, and say that those are loaded, each until that minute."""
    upstream.on("/api/tags", json_answer({"models": [{"name": name, "model": name} for name in listed]}))
    upstream.on("/api/ps", json_answer({"models": [loaded_entry(name, minute) for name, minute in loaded.items()]}))


def loaded_entry(name: str, minute: int) -> dict[str, Any]:
    times = {"expires_at": f"2026-01-02T03:{minute:02}:05.123456789+01:00"}
    return {"name": name, "model": name, "size": 5, "digest": "ab" * 32, "details": {"format": "gguf"}, **times, "size_vram": 5, "new": 1}


@pytest.fixture
def a() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        a_box(upstream, ("llama3:latest", "secret:8b"), {"llama3:latest": 5, "secret:8b": 9})
        yield upstream


@pytest.fixture
def b() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        a_box(upstream, ("llama3:latest", "mistral:7b"), {"llama3:latest": 7, "mistral:7b": 3})
        yield upstream


@pytest.fixture
def both(tmp_path: Path, a: FakeUpstream, b: FakeUpstream) -> FlaskClient:
    return several.a_client(tmp_path, TWO, a=a, b=b)


def loaded_in(client: FlaskClient) -> list[dict[str, Any]]:
    answer = client.get("/api/ps")
    assert (answer.status_code, answer.content_type) == (200, "application/json; charset=utf-8"), answer.text
    models: list[dict[str, Any]] = answer.get_json()["models"]
    return models


def names_of(models: list[dict[str, Any]]) -> list[str]:
    return [model["name"] for model in models]


def test_all_servers_tell_by_the_names_of_the_list_and_hidden_models_are_left_out(both: FlaskClient) -> None:
    models = loaded_in(both)

    assert models[0] == loaded_entry("llama3:latest", 7) | {"name": "b/llama3:latest", "model": "b/llama3:latest"}
    assert names_of(models) == ["b/llama3:latest", "llama3:latest", "mistral:7b"]
    assert set(names_of(models)) <= set(names_of(both.get("/api/tags").get_json()["models"]))


def test_a_model_that_was_loaded_since_the_list_was_read_has_a_name_by_which_it_is_got(both: FlaskClient, b: FakeUpstream) -> None:
    both.get("/api/tags")
    a_box(b, (), {"new:1b": 3, "secret:1b": 2})

    assert names_of(loaded_in(both)) == ["llama3:latest", "b/new:1b", "secret:1b"]
    for name in ("b/new:1b", "secret:1b"):
        both.post("/api/chat", json={"model": name, "keep_alive": 0})
    assert [request.json["model"] for request in b.requests_to("/api/chat")] == ["new:1b", "secret:1b"]


def test_what_has_no_other_name_is_told_by_its_alias(tmp_path: Path, a: FakeUpstream) -> None:
    text = '[upstreams.a]\ndialect = "ollama"\nbase_url = @a\naliases = { quick = "other:1b", fast = "llama3" }\n'
    a_box(a, ("llama3:latest",), {"other:1b": 5, "llama3:latest": 3})

    assert names_of(loaded_in(several.a_client(tmp_path, text, a=a))) == ["quick:latest", "llama3:latest"]


@pytest.mark.parametrize("answer", [json_answer({"error": "busy"}, 503), json_answer({"data": []}), Answer(before=[CUT])], ids=str)
def test_a_server_that_fails_is_left_out(both: FlaskClient, a: FakeUpstream, b: FakeUpstream, answer: Answer) -> None:
    a.on("/api/ps", answer)
    assert names_of(loaded_in(both)) == ["b/llama3:latest", "mistral:7b"]

    b.on("/api/ps", json_answer({"error": "no"}, 500))
    told = both.get("/api/ps")
    assert told.status_code >= 500
    assert told.get_json()["error"]


def test_a_server_that_hangs_keeps_nobody_waiting(both: FlaskClient, a: FakeUpstream) -> None:
    both.get("/api/tags")
    a.on("/api/ps", Answer(before=[STALL]))
    began_s = time.monotonic()

    assert names_of(loaded_in(both)) == ["b/llama3:latest", "mistral:7b"]
    assert time.monotonic() - began_s < 3


def test_one_server_whose_names_are_left_alone_answers_for_itself(tmp_path: Path, a: FakeUpstream) -> None:
    body = b'{"models": [ {"name":"secret:8b","size_vram":1.50} ]}'
    a.on("/api/ps", Answer(200, {"Content-Type": "application/json"}, [body], "length"))
    client = several.a_client(tmp_path, '[upstreams.a]\ndialect = "ollama"\nbase_url = @a\n', a=a)

    assert client.get("/api/ps").data == body
