"""Two gunicorn workers, a provider by default and an Ollama server: what one worker did to the server's models, both know at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.live.master import COMMAND, ROOT, running
from tests.live.one_of_each import one_of_each, told

CHAT = {
    "created_at": "2026-01-02T03:04:05Z",
    "message": {"role": "assistant", "content": "hi"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 3,
    "eval_count": 2,
}
DONE = Answer(200, {}, [], "length")
COMPLETION = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "cloud"}}]}


class Box:
    """An Ollama server that keeps names of models."""

    def __init__(self, server: FakeUpstream) -> None:
        self.server = server
        self.names = {"qwen3:8b"}
        server.on("/api/tags", self._tags)
        server.on("/api/show", self._show)
        server.on("/api/chat", lambda request: json_answer({**CHAT, "model": request.json["model"]}))
        for path, member in (("pull", "model"), ("create", "model"), ("copy", "destination")):
            server.on(f"/api/{path}", lambda request, member=member: self._add(request.json[member]))
        server.on("/api/delete", lambda request: self._delete(request.json["model"]))

    def chats(self) -> list[str]:
        return [tagged(request.json["model"]) for request in self.server.requests_to("/api/chat")]

    def _tags(self, _: Request) -> Answer:
        entry = {"modified_at": "2026-01-02T03:04:05Z", "size": 5, "digest": "ab" * 32, "details": {}}
        return json_answer({"models": [{**entry, "name": name, "model": name} for name in sorted(self.names)]})

    def _show(self, request: Request) -> Answer:
        if tagged(request.json["model"]) not in self.names:
            return json_answer({"error": "model not found"}, 404)
        return json_answer({"details": {}, "model_info": {"a": 1}, "capabilities": ["completion"]})

    def _add(self, name: str) -> Answer:
        self.names.add(tagged(name))
        return json_answer({"status": "success"})

    def _delete(self, name: str) -> Answer:
        self.names.discard(tagged(name))
        return DONE


def tagged(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


@pytest.fixture
def cloud() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        server.on("/models", json_answer({"object": "list", "data": [{"id": "gpt-5", "object": "model"}]}))
        server.on("/chat/completions", json_answer(COMPLETION))
        yield server


@pytest.fixture
def box() -> Iterator[Box]:
    with FakeUpstream() as server:
        yield Box(server)


@pytest.fixture
def workers(tmp_path: Path, cloud: FakeUpstream, box: Box) -> Iterator[list[HTTPConnection]]:
    """A connection to each; each knows the lists already, and has no reason of its own to ask again."""
    file = tmp_path / "proxy.toml"
    boxes = f'[upstreams.boxes]\ndialect = "ollama"\nbase_url = "{box.server.origin}"\n'
    file.write_text(f'[upstreams.cloud]\nbase_url = "{cloud.base_url}"\n{boxes}')
    environ = {
        "WEB_CONCURRENCY": "2",
        "PYTHONPATH": str(ROOT),
        "PROXY_CONFIG": str(file),
        "MODEL_LIST_TTL": "3600",
        "GUNICORN_CMD_ARGS": "--keep-alive=60",
    }
    with running((*COMMAND, "serve"), environ, tmp_path) as master:
        master.await_answer()
        with one_of_each(master) as found:
            connections = list(found.values())
            assert [listed(worker) for worker in connections] == [{"gpt-5:latest", "qwen3:8b"}] * 2
            yield connections


def asked(worker: HTTPConnection, method: str, path: str, body: Any) -> tuple[int, bytes]:
    worker.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    answer = worker.getresponse()
    return answer.status, answer.read()


def listed(worker: HTTPConnection) -> set[str]:
    return {tagged(model["name"]) for model in told(worker, "/api/tags")["models"]}


def chat(worker: HTTPConnection, model: str) -> str:
    status, body = asked(
        worker, "POST", "/api/chat", {"model": model, "messages": [{"role": "user", "content": "a secret"}], "stream": False}
    )
    assert status == 200, body
    content: str = orjson.loads(body)["message"]["content"]
    return content


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/pull", {"model": "new"}),
        ("/api/create", {"model": "new", "from": "qwen3:8b"}),
        ("/api/copy", {"source": "qwen3:8b", "destination": "new"}),
    ],
)
def test_all_workers_know_of_a_model_that_one_of_them_got(
    workers: list[HTTPConnection], cloud: FakeUpstream, box: Box, path: str, body: dict[str, Any]
) -> None:
    here, there = workers
    assert asked(here, "POST", path, {**body, "stream": False})[0] == 200

    assert [chat(worker, "new") for worker in (there, here)] == ["hi", "hi"]
    assert box.chats() == ["new:latest"] * 2
    assert cloud.requests_to("/chat/completions") == []
    for worker in workers:
        assert asked(worker, "POST", "/api/show", {"model": "new"})[0] == 200
        assert told(worker, "/v1/models/new")["id"] == "new"
        assert "new:latest" in listed(worker)


@pytest.mark.parametrize("question", ["/api/tags", "/v1/models/new"])
def test_whatever_is_asked_first_knows_of_it(workers: list[HTTPConnection], question: str) -> None:
    here, there = workers
    assert asked(here, "POST", "/api/pull", {"model": "new", "stream": False})[0] == 200
    answer = told(there, question)
    assert "error" not in answer
    assert "new" in json.dumps(answer)


def test_deleted_model_is_gone_for_all_workers_and_one_question_each_tells_them(workers: list[HTTPConnection], box: Box) -> None:
    here, there = workers
    before = len(box.server.requests_to("/api/tags"))
    assert asked(here, "DELETE", "/api/delete", {"model": "qwen3:8b"})[0] == 200
    for _ in range(3):
        assert [listed(worker) for worker in (there, here)] == [{"gpt-5:latest"}] * 2
    assert len(box.server.requests_to("/api/tags")) == before + 2
