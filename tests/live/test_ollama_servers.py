"""An Ollama server behind real gunicorn, judged by the official packages `ollama` and `openai`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import openai
import pytest

from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, json_answer
from tests.live.gateways import Gateways
from tests.live.master import Master

BEGUN = {"model": "llama3", "created_at": "2026-01-02T03:04:05.678901234Z"}
DONE = {**BEGUN, "done": True, "done_reason": "stop", "total_duration": 9, "prompt_eval_count": 3, "eval_count": 2}
MESSAGES: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
CALL = {"id": "call_a", "function": {"index": 0, "name": "get_weather", "arguments": {"city": "Oslo"}}}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
PROGRESS = (
    {"status": "pulling manifest"},
    {"status": "pulling 0a0a0a0a0a0a", "digest": "sha256:" + "0a" * 32, "total": 9, "completed": 9},
    {"status": "success"},
)
BLOB = bytes(range(256)) * 40_000


def lines(*records: Any, then: tuple[Any, ...] = ()) -> Answer:
    """A stream, each line written on its own."""
    return Answer(200, {"Content-Type": "application/x-ndjson"}, [*(json.dumps(record).encode() + b"\n" for record in records), *then])


def said(content: str, **more: Any) -> Any:
    return {**BEGUN, "message": {"role": "assistant", "content": content, **more}, "done": False}


def chat(request: Request) -> Answer:
    """Thinks, speaks, and calls a tool when it has one."""
    calls = {"tool_calls": [CALL]} if request.json.get("tools") else {}
    if request.json.get("stream") is False:
        return json_answer({**DONE, "message": {"role": "assistant", "content": "Sunny 🌞", "thinking": "hm", **calls}})
    last = [said("", **calls)] if calls else []
    return lines(said("", thinking="hm"), said("Sunny "), said("🌞"), *last, {**DONE, "message": {"role": "assistant", "content": ""}})


@pytest.fixture(scope="module")
def server() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        listed = {"name": "llama3:latest", "model": "llama3:latest", "modified_at": "2026-01-02T03:04:05Z", "size": 5, "digest": "ab" * 32}
        upstream.on("/api/tags", json_answer({"models": [{**listed, "details": {}}]}))
        upstream.on("/api/chat", chat)
        upstream.on("/api/embed", json_answer({"model": "llama3", "embeddings": [[0.6, 0.8]], "prompt_eval_count": 2}))
        upstream.on("/api/ps", json_answer({"models": [{"name": "llama3:latest", "model": "llama3:latest", "size_vram": 5}]}))
        upstream.on("/api/show", json_answer({"details": {}, "model_info": {"a": 1}, "capabilities": ["completion"]}))
        upstream.on("/api/pull", lines(*PROGRESS))
        upstream.on("/api/create", lines({"status": "success"}))
        for path in ("/api/copy", "/api/delete"):
            upstream.on(path, Answer(200, {}, [], "length"))
        yield upstream


@pytest.fixture(scope="module")
def gateway(gateways: Gateways, server: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Master:
    file = tmp_path_factory.mktemp("ollama-server") / "proxy.toml"
    file.write_text(f'[upstreams.boxes]\ndialect = "ollama"\nbase_url = "{server.origin}"\n')
    return gateways.configured(file, BREAKER_FAILURES="1000", MAX_RETRIES="0")


@pytest.fixture(scope="module")
def client(gateway: Master) -> Iterator[ollama.Client]:
    with ollama.Client(host=gateway.address) as made:
        yield made


@pytest.fixture(scope="module")
def openai_client(gateway: Master) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.address}/v1", api_key="none", max_retries=0) as made:
        yield made


def test_ollamas_client_hears_its_own_server(client: ollama.Client) -> None:
    parts = list(client.chat("llama3", MESSAGES, tools=[WEATHER], stream=True))

    assert "".join(part.message.content or "" for part in parts) == "Sunny 🌞"
    assert parts[0].message.thinking == "hm"
    assert [call.function.arguments for part in parts for call in part.message.tool_calls or ()] == [{"city": "Oslo"}]
    assert (parts[-1].done, parts[-1].eval_count) == (True, 2)
    assert client.chat("llama3", MESSAGES).message.content == "Sunny 🌞"


def test_ollamas_client_hears_of_a_cut(client: ollama.Client, server: FakeUpstream) -> None:
    server.on("/api/chat", lines(said("Sun"), then=(b'{"model":"lla', CUT)))
    try:
        with pytest.raises(ollama.ResponseError, match=r"ended|broke|closed|cut"):
            list(client.chat("llama3", MESSAGES, stream=True))
    finally:
        server.on("/api/chat", chat)


def test_ollamas_client_keeps_models(client: ollama.Client, server: FakeUpstream, tmp_path: Path) -> None:
    assert [model.model for model in client.list().models] == ["llama3:latest"]
    assert client.ps().models[0].size_vram == 5
    assert client.show("llama3").modelinfo == {"a": 1}
    assert [part.status for part in client.pull("mistral", stream=True)] == [record["status"] for record in PROGRESS]
    assert client.copy("llama3", "mine").status == client.delete("llama3").status == "success"

    file = tmp_path / "blob"
    file.write_bytes(BLOB)
    digest = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"
    server.on(f"/api/blobs/{digest}", Answer(201, {}, [], "length"))
    assert client.create_blob(file) == digest
    assert server.requests_to(f"/api/blobs/{digest}")[0].body == BLOB
    assert client.create("mine", files={"x.gguf": digest}).status == "success"


def test_ollamas_client_gets_vectors(client: ollama.Client) -> None:
    assert client.embed("llama3", "hi").embeddings == [[0.6, 0.8]]


def test_openais_client_gets_the_same_answer(openai_client: openai.OpenAI) -> None:
    with openai_client.chat.completions.stream(model="llama3", messages=MESSAGES, tools=[WEATHER]) as stream:
        final = stream.get_final_completion()
    whole = openai_client.chat.completions.create(model="llama3", messages=MESSAGES, tools=[WEATHER])

    for completion in (final, whole):
        (choice,) = completion.choices
        assert (choice.message.content, choice.finish_reason) == ("Sunny 🌞", "tool_calls")
        (call,) = choice.message.tool_calls or ()
        assert call.type == "function"
        assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("call_a", "get_weather", {"city": "Oslo"})
    assert whole.usage is not None
    assert whole.usage.total_tokens == 5


def test_openais_client_hears_of_an_error(openai_client: openai.OpenAI, server: FakeUpstream) -> None:
    server.on("/api/chat", lines(said("Sun"), {"error": "the runner is gone"}))
    try:
        with pytest.raises(openai.APIError, match="the runner is gone"):
            list(openai_client.chat.completions.create(model="llama3", messages=MESSAGES, stream=True))
    finally:
        server.on("/api/chat", chat)


def test_openais_client_gets_models_and_vectors(openai_client: openai.OpenAI) -> None:
    assert [model.id for model in openai_client.models.list()] == ["llama3:latest"]
    assert openai_client.embeddings.create(model="llama3", input="hi").data[0].embedding == pytest.approx([0.6, 0.8])
