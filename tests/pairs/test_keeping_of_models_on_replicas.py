"""Several Ollama servers behind one name: what a client does to a model is done on each of them, or it hears that it was not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import CUT, Answer, FakeUpstream, json_answer
from tests.gateway.several import config_of

NDJSON = {"Content-Type": "application/x-ndjson"}
DONE = Answer(200, {}, [], "length")
LACKS = json_answer({"error": "model 'llama3' not found"}, 404)
ILL = json_answer({"error": "the disk is full"}, 500)
SUCCESS = {"status": "success"}
MISSING = {"error": "pull model manifest: file does not exist"}


class Box(FakeUpstream):
    """An Ollama server that has some models."""

    def has(self, *names: str) -> None:
        self.on("/api/tags", json_answer({"models": [{"name": name, "model": name} for name in names]}))


def news(*records: Any, then: tuple[Any, ...] = ()) -> Answer:
    return Answer(200, NDJSON, [*(json.dumps(record).encode() + b"\n" for record in records), *then])


def progress(of: str) -> list[Any]:
    return [{"status": f"pulling {of}", "total": 9, "completed": completed} for completed in (4, 9)]


def play(boxes: tuple[Box, Box], path: str, *answers: Answer) -> None:
    """Lets each of them give one of the answers."""
    for box, answer in zip(boxes, answers, strict=True):
        box.on(path, answer)


@pytest.fixture
def boxes() -> Iterator[tuple[Box, Box]]:
    with Box() as first, Box() as second:
        for box in (first, second):
            box.has("llama3:latest")
        yield first, second


@pytest.fixture
def client(tmp_path: Path, boxes: tuple[Box, Box]) -> FlaskClient:
    addresses = ", ".join(f'"{box.origin}"' for box in boxes)
    return create_app(config_of(tmp_path, f'[upstreams.boxes]\ndialect = "ollama"\nbase_url = [{addresses}]\n', {})).test_client()


def records(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def asked(boxes: tuple[Box, Box], path: str) -> list[Any]:
    """What each of them was asked, once at most."""
    return [[request.json for request in box.requests_to(path)] for box in boxes]


@pytest.mark.parametrize("second", [DONE, LACKS], ids=["has it", "lacks it"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_model_is_deleted_wherever_it_is(client: FlaskClient, boxes: tuple[Box, Box], second: Answer, turned: bool) -> None:
    play(boxes, "/api/delete", *((second, DONE) if turned else (DONE, second)))
    answer = client.delete("/api/delete", json={"model": "llama3"})
    assert (answer.status_code, answer.data) == (200, b"")
    assert asked(boxes, "/api/delete") == [[{"model": "llama3:latest"}]] * 2


@pytest.mark.parametrize("second", [DONE, json_answer({"error": 'model "llama3" not found'}, 404)], ids=["has it", "lacks it"])
def test_a_model_is_copied_wherever_it_is(client: FlaskClient, boxes: tuple[Box, Box], second: Answer) -> None:
    play(boxes, "/api/copy", DONE, second)
    assert client.post("/api/copy", json={"source": "llama3", "destination": "boxes/mine"}).status_code == 200
    assert asked(boxes, "/api/copy") == [[{"source": "llama3:latest", "destination": "mine"}]] * 2


@pytest.mark.parametrize(("path", "body"), [("/api/delete", {"model": "llama3"}), ("/api/copy", {"source": "llama3", "destination": "x"})])
def test_what_nobody_has_is_told_in_the_endpoints_words(client: FlaskClient, boxes: tuple[Box, Box], path: str, body: Any) -> None:
    for box in boxes:
        box.on(path, LACKS)
    answer = client.open(path, method="DELETE" if "delete" in path else "POST", json=body)
    assert (answer.status_code, "not found" in answer.get_json()["error"]) == (404, True)
    assert "done by" not in answer.text


def test_half_of_a_deletion_is_no_success_and_may_be_asked_for_again(client: FlaskClient, boxes: tuple[Box, Box]) -> None:
    first, second = boxes
    first.on("/api/delete", DONE, LACKS)
    second.on("/api/delete", ILL, DONE)
    answer = client.delete("/api/delete", json={"model": "llama3"})
    assert (answer.status_code, answer.get_json()) == (
        500,
        {"error": "done by 1 of the upstream's 2 servers, and not by all: the disk is full; send the request again"},
    )
    assert client.delete("/api/delete", json={"model": "llama3"}).status_code == 200


def test_a_box_that_is_away_keeps_none_from_its_work_and_is_told_of(client: FlaskClient, boxes: tuple[Box, Box]) -> None:
    first, second = boxes
    client.get("/api/tags")
    first.close()
    second.on("/api/delete", DONE)
    second.on("/api/pull", news(*progress("b"), SUCCESS))
    answer = client.delete("/api/delete", json={"model": "llama3"})
    assert (answer.status_code, "done by 1 of the upstream's 2 servers" in answer.get_json()["error"]) == (503, True)
    *told, last = records(client.post("/api/pull", json={"model": "new"}).data)
    assert told == progress("b")
    assert last["error"].startswith("done by 1 of the upstream's 2 servers")
    assert first.origin.partition("//")[2] not in last["error"] + answer.text


def test_what_failed_at_one_and_is_missing_at_the_other_is_a_failure(client: FlaskClient, boxes: tuple[Box, Box]) -> None:
    play(boxes, "/api/delete", LACKS, ILL)
    answer = client.delete("/api/delete", json={"model": "llama3"})
    assert (answer.status_code, answer.get_json()) == (500, {"error": "the disk is full"})


def test_a_model_is_fetched_by_all_and_one_success_is_told(client: FlaskClient, boxes: tuple[Box, Box]) -> None:
    client.get("/api/tags")
    for box, name in zip(boxes, "ab", strict=True):
        box.on("/api/pull", news(*progress(name), SUCCESS))
        box.has("llama3:latest", "new:latest")
    answer = client.post("/api/pull", json={"model": "new"})
    assert (answer.status_code, answer.content_type) == (200, "application/x-ndjson")
    assert sorted(map(str, records(answer.data)[:-1])) == sorted(map(str, progress("a") + progress("b")))
    assert records(answer.data)[-1] == SUCCESS
    assert asked(boxes, "/api/pull") == [[{"model": "new"}]] * 2
    assert "new:latest" in [model["name"] for model in client.get("/api/tags").get_json()["models"]]


def test_a_whole_answer_comes_when_all_have_fetched_the_model(client: FlaskClient, boxes: tuple[Box, Box]) -> None:
    for box in boxes:
        box.on("/api/pull", json_answer(SUCCESS))
    answer = client.post("/api/pull", json={"model": "new", "stream": False})
    assert (answer.status_code, answer.get_json()) == (200, SUCCESS)
    assert asked(boxes, "/api/pull") == [[{"model": "new", "stream": False}]] * 2


@pytest.mark.parametrize("failed", [news(*progress("a"), MISSING), news(*progress("a"), then=(b'{"sta', CUT))], ids=["told", "cut"])
def test_a_fetch_that_failed_at_one_ends_in_an_error(client: FlaskClient, boxes: tuple[Box, Box], failed: Answer) -> None:
    first, second = boxes
    first.on("/api/pull", failed)
    second.on("/api/pull", news(*progress("b"), SUCCESS))
    told = records(client.post("/api/pull", json={"model": "new"}).data)
    assert len(told) == len(progress("a") + progress("b")) + 1
    assert SUCCESS not in told
    assert told[-1]["error"].startswith("done by 1 of the upstream's 2 servers, and not by all: ")


def test_what_none_can_fetch_is_told_in_the_servers_words(client: FlaskClient, boxes: tuple[Box, Box]) -> None:
    for box in boxes:
        box.on("/api/pull", news({"status": "pulling manifest"}, MISSING))
    told = records(client.post("/api/pull", json={"model": "nobody"}).data)
    assert [record for record in told if "error" in record] == [told[-1]] == [MISSING]


@pytest.mark.parametrize(("more", "times"), [({}, 2), ({"files": {"f": "sha256:0a"}}, 1), ({"adapters": {"f": "sha256:0a"}}, 1)])
def test_a_model_is_made_by_all_unless_its_files_are_on_one(client: FlaskClient, boxes: tuple[Box, Box], more: Any, times: int) -> None:
    for box in boxes:
        box.on("/api/create", news({"status": "writing manifest"}, SUCCESS))
    body = {"model": "mario", "from": "llama3", "system": "be Mario", **more}
    told = records(client.post("/api/create", json=body).data)
    assert told == [{"status": "writing manifest"}] * times + [SUCCESS]
    assert list(chain.from_iterable(asked(boxes, "/api/create"))) == [body] * times


def test_a_client_that_leaves_lets_go_of_the_box_that_works(client: FlaskClient, boxes: tuple[Box, Box]) -> None:
    for box in boxes:
        box.on("/api/pull", news(*progress("a"), then=(box.gate(),)))
    answer = client.post("/api/pull", json={"model": "new"}, buffered=False)
    pieces = iter(answer.response)
    assert next(pieces)
    answer.close()
    (request,) = chain.from_iterable(box.requests_to("/api/pull") for box in boxes)
    assert request.wait_closed()


def test_each_box_is_shown_the_clients_own_key(tmp_path: Path, boxes: tuple[Box, Box]) -> None:
    addresses = ", ".join(f'"{box.origin}"' for box in boxes)
    text = f'[upstreams.boxes]\ndialect = "ollama"\nbase_url = [{addresses}]\npass_client_key = true\n'
    client = create_app(config_of(tmp_path, text, {})).test_client()
    play(boxes, "/api/delete", DONE, json_answer({"error": "unauthorized: sk-of-a-client"}, 401))
    told = client.delete("/api/delete", json={"model": "llama3"}, headers={"Authorization": "Bearer sk-of-a-client"})
    assert (told.status_code, "sk-of-a-client" in told.text) == (401, False)
    assert [box.requests_to("/api/delete")[0].headers["authorization"] for box in boxes] == ["Bearer sk-of-a-client"] * 2
