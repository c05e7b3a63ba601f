"""Ollama servers behind the gateway: their own clients get their own bytes, others what those mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, json_answer
from tests.gateway import several

ALONE = """
[upstreams.boxes]
dialect = "ollama"
base_url = @boxes
"""
BOTH = """
[upstreams.cloud]
base_url = @cloud

[upstreams.boxes]
dialect = "ollama"
base_url = @boxes
"""
NDJSON = "application/x-ndjson"
MESSAGES = [{"role": "user", "content": "hi"}]
DIGEST = "sha256:" + "0a" * 32
BEGUN = {"model": "llama3", "created_at": "2026-01-02T03:04:05.6Z"}
DONE = {**BEGUN, "done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2}


def lines(*records: Any, then: tuple[Any, ...] = ()) -> Answer:
    """A stream, each line written on its own."""
    return Answer(200, {"Content-Type": NDJSON}, [*(json.dumps(record).encode() + b"\n" for record in records), *then])


def chat_record(text: str, **more: Any) -> Any:
    return {**BEGUN, "message": {"role": "assistant", "content": text, **more}, "done": False}


def chat(request: Request) -> Answer:
    """Says hello, as it is asked to."""
    if request.json.get("stream") is False:
        return json_answer({**DONE, "message": {"role": "assistant", "content": "hello"}})
    return lines(chat_record("hel"), chat_record("lo"), {**DONE, "message": {"role": "assistant", "content": ""}})


@pytest.fixture
def boxes() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        names = ("llama3:latest", "nomic:latest")
        upstream.on("/api/tags", json_answer({"models": [{"name": name, "model": name, "digest": "ab" * 32} for name in names]}))
        upstream.on("/api/chat", chat)
        yield upstream


@pytest.fixture
def alone(tmp_path: Path, boxes: FakeUpstream) -> FlaskClient:
    return several.a_client(tmp_path, ALONE, boxes=boxes)


@pytest.fixture
def cloud() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        several.lists(upstream, "large")
        yield upstream


@pytest.fixture
def both(tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream) -> FlaskClient:
    return several.a_client(tmp_path, BOTH, boxes=boxes, cloud=cloud)


def sent(upstream: FakeUpstream, path: str) -> Request:
    """The one request to that path."""
    (request,) = upstream.requests_to(path)
    return request


@pytest.mark.parametrize("more", [b"", b',"stream":true', b',"stream":null'])
def test_bytes_of_an_ollama_client_go_through_and_come_back_untouched(alone: FlaskClient, boxes: FakeUpstream, more: bytes) -> None:
    body = b'{ "model":"llama3:latest", "messages":[{"role":"user","content":"hi"}],"options":{"temperature":1.50},"new":1e2' + more + b"}"
    response = alone.post("/api/chat", data=body)

    assert (response.status_code, response.content_type) == (200, NDJSON)
    assert [json.loads(line)["message"]["content"] for line in response.data.splitlines()] == ["hel", "lo", ""]
    assert sent(boxes, "/api/chat").body == body


def test_a_whole_answer_goes_through(alone: FlaskClient) -> None:
    response = alone.post("/api/chat", json={"model": "llama3", "messages": MESSAGES, "stream": False})

    assert (response.status_code, response.content_type) == (200, "application/json")
    assert response.json == {**DONE, "message": {"role": "assistant", "content": "hello"}}


def test_loading_a_model_is_the_servers_business(alone: FlaskClient, boxes: FakeUpstream) -> None:
    loaded = {**BEGUN, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "load"}
    boxes.on("/api/chat", json_answer(loaded))

    assert alone.post("/api/chat", json={"model": "llama3", "keep_alive": -1}).json == loaded
    assert sent(boxes, "/api/chat").json == {"model": "llama3", "keep_alive": -1}


def test_the_server_gets_its_own_name_of_the_model(both: FlaskClient, boxes: FakeUpstream) -> None:
    response = both.post("/api/chat", json={"model": "boxes/llama3", "messages": MESSAGES})

    assert response.status_code == 200
    assert sent(boxes, "/api/chat").json["model"] == "llama3:latest"


@pytest.mark.parametrize("asked", ["boxes/llama3", "nick", "LLAMA3:latest"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_clients_find_the_name_that_they_asked_for_in_answers(
    tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream, asked: str, stream: bool
) -> None:
    client = several.a_client(tmp_path, BOTH + '[aliases]\nnick = "boxes/llama3"\n', boxes=boxes, cloud=cloud)
    asking = {"model": asked, "messages": MESSAGES, "stream": stream}
    answer = client.post("/api/chat", json=asking)
    boxes.on("/api/generate", json_answer({**DONE, "response": "x"}))
    boxes.on("/api/embed", json_answer({"model": "llama3:latest", "embeddings": [[0.6, 0.8]]}))

    records = [json.loads(line) for line in answer.data.splitlines()]
    assert [record["model"] for record in records] == [asked] * len(records)
    assert [record["message"]["content"] for record in records] == (["hel", "lo", ""] if stream else ["hello"])
    assert client.post("/api/generate", json={"model": asked, "prompt": "hi", "stream": False}).json == {
        **DONE,
        "model": asked,
        "response": "x",
    }
    assert client.post("/api/embed", json={"model": asked, "input": "hi"}).json["model"] == asked  # type: ignore[index]


def test_a_cut_stream_ends_with_an_error(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/chat", lines(chat_record("hel"), then=(b'{"model":"llama3","mess', CUT)))
    response = alone.post("/api/chat", json={"model": "llama3", "messages": MESSAGES})

    first, last = response.data.splitlines()
    assert json.loads(first) == chat_record("hel")
    assert list(json.loads(last)) == ["error"]


def test_an_error_in_the_stream_is_the_servers_own(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/chat", lines(chat_record("hel"), {"error": "the runner is gone"}))
    response = alone.post("/api/chat", json={"model": "llama3", "messages": MESSAGES})

    assert json.loads(response.data.splitlines()[-1]) == {"error": "the runner is gone"}
    assert len(response.data.splitlines()) == 2


def test_an_error_before_the_stream_has_a_status(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/chat", json_answer({"error": '"llama3" does not support tools'}, 400))
    response = alone.post("/api/chat", json={"model": "llama3", "messages": MESSAGES})

    assert (response.status_code, response.json) == (400, {"error": '"llama3" does not support tools'})


def test_generate_and_vectors_go_through(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/generate", lines({**BEGUN, "response": "x", "done": False}, {**DONE, "response": "", "context": [1, 2]}))
    boxes.on("/api/embed", json_answer({"model": "nomic", "embeddings": [[0.6, 0.8]], "prompt_eval_count": 2}))
    boxes.on("/api/embeddings", json_answer({"embedding": [6.0, 8.0]}))

    generated = alone.post("/api/generate", json={"model": "llama3", "prompt": "hi", "template": "{{ .Prompt }}"})
    assert json.loads(generated.data.splitlines()[-1])["context"] == [1, 2]
    assert alone.post("/api/embed", json={"model": "nomic", "input": ["hi"]}).json["embeddings"] == [[0.6, 0.8]]  # type: ignore[index]
    assert alone.post("/api/embeddings", json={"model": "nomic", "prompt": "hi"}).json == {"embedding": [6.0, 8.0]}


def test_one_servers_list_is_its_own(alone: FlaskClient, boxes: FakeUpstream) -> None:
    assert alone.get("/api/tags").json["models"][0]["digest"] == "ab" * 32  # type: ignore[index]


def test_a_list_of_several_tells_the_servers_own_digest(both: FlaskClient) -> None:
    digests = {model["name"]: model["digest"] for model in both.get("/api/tags").json["models"]}  # type: ignore[index]

    assert digests["llama3:latest"] == digests["nomic:latest"] == "ab" * 32 != digests["large:latest"]


def test_what_a_server_says_of_its_models_to_ollamas_clients_is_not_shown_to_others(both: FlaskClient) -> None:
    (entry,) = [model for model in both.get("/v1/models").json["data"] if model["id"] == "llama3:latest"]  # type: ignore[index]

    assert set(entry) == {"id", "object", "created", "owned_by"}


def test_lists_of_several_are_one(both: FlaskClient) -> None:
    names = {model["name"] for model in both.get("/api/tags").json["models"]}  # type: ignore[index]
    ids = {model["id"] for model in both.get("/v1/models").json["data"]}  # type: ignore[index]

    assert {"llama3:latest", "nomic:latest", "large:latest"} <= names
    assert {"llama3:latest", "large"} <= ids


def test_what_is_loaded_and_what_is_known_the_server_says(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/ps", json_answer({"models": [{"name": "llama3:latest", "size_vram": 5}]}))
    boxes.on("/api/show", json_answer({"modelfile": "FROM x", "details": {}, "model_info": {}}))

    assert alone.get("/api/ps").json == {"models": [{"name": "llama3:latest", "size_vram": 5}]}
    shown = alone.post("/api/show", json={"name": "llama3", "verbose": True}, headers={"User-Agent": "GitHubCopilotChat/1"})
    assert shown.json == {"modelfile": "FROM x", "details": {}, "model_info": {}}
    assert sent(boxes, "/api/show").json == {"name": "llama3:latest", "verbose": True}
    assert sent(boxes, "/api/show").headers["user-agent"] == "GitHubCopilotChat/1"


PROGRESS = (
    {"status": "pulling manifest"},
    {"status": "pulling 0a0a", "digest": DIGEST, "total": 9, "completed": 4},
    {"status": "success"},
)


def test_a_pull_tells_how_far_it_is_and_the_list_is_new_afterwards(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/pull", lines(*PROGRESS))
    assert alone.get("/v1/models/mistral").status_code == 404
    boxes.on("/api/tags", json_answer({"models": [{"name": "mistral:latest"}]}))

    response = alone.post("/api/pull", json={"model": "mistral"})

    assert (response.status_code, response.content_type) == (200, NDJSON)
    assert [json.loads(line) for line in response.data.splitlines()] == list(PROGRESS)
    assert sent(boxes, "/api/pull").json == {"model": "mistral"}
    assert alone.get("/v1/models/mistral").status_code == 200


def test_a_pull_that_fails_says_why(alone: FlaskClient, boxes: FakeUpstream) -> None:
    missing = {"error": "pull model manifest: file does not exist"}
    boxes.on("/api/pull", lines(PROGRESS[0], missing))
    assert json.loads(alone.post("/api/pull", json={"model": "nobody"}).data.splitlines()[-1]) == missing

    boxes.on("/api/pull", json_answer(missing, 500))
    response = alone.post("/api/pull", json={"model": "nobody", "stream": False})
    assert (response.status_code, response.json) == (500, missing)


def test_a_pull_that_is_cut_is_no_success(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/pull", lines(*PROGRESS[:2], then=(CUT,)))

    assert list(json.loads(alone.post("/api/pull", json={"model": "x"}).data.splitlines()[-1])) == ["error"]


@pytest.mark.parametrize(
    ("method", "path", "body", "got"),
    [
        ("POST", "/api/push", {"model": "boxes/me/x"}, {"model": "me/x"}),
        ("POST", "/api/create", {"model": "boxes/y", "from": "llama3"}, {"model": "y", "from": "llama3"}),
        ("POST", "/api/copy", {"source": "llama3", "destination": "boxes/y"}, {"source": "llama3:latest", "destination": "y"}),
        ("DELETE", "/api/delete", {"model": "", "name": "llama3"}, {"model": "", "name": "llama3:latest"}),
    ],
)
def test_models_are_kept_where_they_are(both: FlaskClient, boxes: FakeUpstream, method: str, path: str, body: Any, got: Any) -> None:
    boxes.on(path, Answer(200, {}, [], "length"))
    response = both.open(path, method=method, json=body)

    assert (response.status_code, response.data) == (200, b"")
    request = sent(boxes, path)
    assert (request.method, request.json) == (method, got)


def test_what_another_upstream_has_is_not_the_servers_to_delete(both: FlaskClient, boxes: FakeUpstream) -> None:
    assert both.delete("/api/delete", json={"model": "large"}).status_code == 501
    assert boxes.requests_to("/api/delete") == []


def test_that_a_model_is_missing_is_told_in_the_clients_words(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/show", json_answer({"error": "model 'nobody' not found"}, 404))
    boxes.on("/api/copy", json_answer({"error": 'model "nobody" not found'}, 404))

    assert alone.post("/api/show", json={"model": "nobody"}).json == {"error": "model 'nobody:latest' not found"}
    response = alone.post("/api/copy", json={"source": "nobody", "destination": "y"})
    assert (response.status_code, response.json) == (404, {"error": 'model "nobody" not found'})


def test_blobs_are_asked_for_and_sent_on(alone: FlaskClient, boxes: FakeUpstream) -> None:
    path = f"/api/blobs/{DIGEST}"
    blob = bytes(range(256)) * 2000
    answers = [Answer(status, {"Content-Type": "application/json"}, [], "length") for status in (404, 201, 200)]
    boxes.on(path, *answers)

    assert alone.head(path).status_code == 404
    assert alone.post(path, data=blob).status_code == 201
    assert alone.head(path).status_code == 200
    asked, uploaded, _ = boxes.requests_to(path)
    assert (asked.method, asked.body, uploaded.method, uploaded.body) == ("HEAD", b"", "POST", blob)


# Clients of other languages


def test_an_openai_client_gets_a_whole_answer(alone: FlaskClient, boxes: FakeUpstream) -> None:
    asked = {"model": "llama3", "messages": MESSAGES, "max_tokens": 5, "keep_alive": "5m", "num_ctx": 4096}
    response = alone.post("/v1/chat/completions", json=asked)

    assert response.status_code == 200, response.data
    (choice,) = response.json["choices"]  # type: ignore[index]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("hello", "stop")
    assert response.json["usage"]["total_tokens"] == 5  # type: ignore[index]
    assert sent(boxes, "/api/chat").json == {
        "model": "llama3:latest",
        "messages": MESSAGES,
        "stream": False,
        "options": {"num_ctx": 4096, "num_predict": 5},
        "keep_alive": 300.0,
    }


def test_an_openai_client_gets_calls_in_a_stream(alone: FlaskClient, boxes: FakeUpstream) -> None:
    calls = [{"function": {"index": 0, "name": name, "arguments": {"x": 1}}} for name in ("f", "g")]
    boxes.on("/api/chat", lines(chat_record("", thinking="hm"), *(chat_record("", tool_calls=[call]) for call in calls), DONE))
    response = alone.post("/v1/chat/completions", json={"model": "llama3", "messages": MESSAGES, "stream": True})

    chunks = [json.loads(event[6:]) for event in response.text.split("\n\n") if event.startswith("data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    named = [call for delta in deltas for call in delta.get("tool_calls") or () if call["function"].get("name")]
    assert [(call["index"], call["function"]["name"]) for call in named] == [(0, "f"), (1, "g")]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "hm"
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert response.text.endswith("data: [DONE]\n\n")


def test_an_openai_client_hears_of_a_cut(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/chat", lines(chat_record("hel"), then=(CUT,)))
    response = alone.post("/v1/chat/completions", json={"model": "llama3", "messages": MESSAGES, "stream": True})

    assert '"error"' in response.text
    assert '"finish_reason":"stop"' not in response.text


def test_what_cannot_think_is_asked_again_without_once(alone: FlaskClient, boxes: FakeUpstream) -> None:
    def unthinking(request: Request) -> Answer:
        if "think" in request.json:
            return json_answer({"error": '"llama3" does not support thinking'}, 400)
        return chat(request)

    boxes.on("/api/chat", unthinking)
    for _ in range(2):
        body = {"model": "llama3", "messages": MESSAGES, "reasoning_effort": "high"}
        assert alone.post("/v1/chat/completions", json=body).status_code == 200

    assert [request.json.get("think") for request in boxes.requests_to("/api/chat")] == ["high", None, None]


def test_one_call_at_a_time_is_one_call(alone: FlaskClient, boxes: FakeUpstream) -> None:
    calls = [{"function": {"name": name, "arguments": {}}} for name in ("f", "g")]
    boxes.on("/api/chat", json_answer({**DONE, "message": {"role": "assistant", "content": "", "tool_calls": calls}}))
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}} for name in ("f", "g")]
    body = {"model": "llama3", "messages": MESSAGES, "tools": tools, "parallel_tool_calls": False}

    (choice,) = alone.post("/v1/chat/completions", json=body).json["choices"]  # type: ignore[index]
    assert [call["function"]["name"] for call in choice["message"]["tool_calls"]] == ["f"]


def test_vectors_and_plain_texts_for_openai_clients(alone: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/api/embed", json_answer({"embeddings": [[0.6, 0.8], [1.0, 0.0]], "prompt_eval_count": 2}))
    boxes.on("/api/generate", json_answer({**DONE, "response": "return 1"}))

    vectors = alone.post("/v1/embeddings", json={"model": "nomic", "input": ["a", "b"]}).json
    assert [item["embedding"] for item in vectors["data"]] == [[0.6, 0.8], [1.0, 0.0]]  # type: ignore[index]
    text = alone.post("/v1/completions", json={"model": "llama3", "prompt": "def f():"}).json
    assert text["choices"][0]["text"] == "return 1"  # type: ignore[index]
    assert sent(boxes, "/api/generate").json["raw"] is True


def test_an_ollama_client_falls_back_to_another_language(tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    reply = {"id": "1", "choices": [{"index": 0, "message": {"content": "from afar"}, "finish_reason": "stop"}], "usage": {}}
    boxes.on("/api/chat", json_answer({"error": "out of memory"}, 500))
    cloud.on("/chat/completions", json_answer(reply))
    client = several.a_client(tmp_path, BOTH + '\n[fallbacks]\n"llama3" = ["cloud/large"]\n', boxes=boxes, cloud=cloud)

    response = client.post("/api/chat", json={"model": "llama3", "messages": MESSAGES, "stream": False})
    assert response.json["message"]["content"] == "from afar"  # type: ignore[index]
