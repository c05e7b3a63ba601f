"""What is wrong with one client's request: its server is well, whatever status it gives, and others want to be served meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.gateway.several import config_of
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, GEMINI, OLLAMA, OPENAI, Egress

NO_EYES = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
OF_LLAMACPP = {"error": {"code": 500, "message": NO_EYES, "type": "server_error"}}
UNREADABLE = {"error": {"code": 500, "message": "Failed to load image or audio file", "type": "server_error"}}
WRONG = {"error": {"code": 500, "message": 'option "temperature" must be of type float32', "type": "server_error"}}
OF_OLLAMA = {"error": "this model is missing data required for image input"}
OF_ANTHROPIC = {"type": "error", "error": {"type": "api_error", "message": NO_EYES}}
OF_GOOGLE = {
    "error": {"code": 500, "message": "The input token count (9) exceeds the maximum number of tokens allowed (8).", "status": "INTERNAL"}
}
REFUSALS = {
    "llama.cpp": (OPENAI, OF_LLAMACPP, NO_EYES),
    "ollama": (OLLAMA, OF_OLLAMA, "missing data required"),
    "anthropic": (ANTHROPIC, OF_ANTHROPIC, NO_EYES),
    "gemini": (GEMINI, OF_GOOGLE, "exceeds the maximum number"),
}
PATHS = ["/v1/chat/completions", "/api/chat", "/v1/messages", "/v1/responses"]


def body_of(path: str, stream: bool) -> dict[str, Any]:
    said = {"input": "hi"} if path == "/v1/responses" else {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
    return {"model": "m", "stream": stream, **said}


def ensure_invalid(path: str, told: Any, words: str) -> None:
    """That the answer is a client's error in its own language."""
    assert told.status_code == 400
    error = told.json["error"]
    if path == "/api/chat":
        assert words in error
    elif path == "/v1/messages":
        assert (error["type"], words in error["message"]) == ("invalid_request_error", True)
    else:
        assert (error["type"], words in error["message"]) == ("invalid_request_error", True)
        assert error["code"] in ("invalid_value", "context_length_exceeded")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("egress", "refusal", "words"), REFUSALS.values(), ids=REFUSALS)
def test_it_is_told_after_one_attempt_and_closes_nothing(
    gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, refusal: dict[str, Any], words: str, path: str, stream: bool
) -> None:
    client = gateway_of(upstream, egress, MAX_RETRIES="3", BREAKER_FAILURES="2")
    egress.play(upstream, BY_NAME["text"])
    for answered in egress.paths:
        upstream.on(answered, json_answer(refusal, 500))
    if path == "/v1/responses" and egress is OPENAI:
        upstream.on("/v1/responses", json_answer(refusal, 500))
    before = len(upstream.requests)
    for _ in range(3):
        ensure_invalid(path, client.post(path, json=body_of(path, stream)), words)
    assert len([request for request in upstream.requests[before:] if request.method == "POST"]) == 3
    egress.play(upstream, BY_NAME["text"])
    assert client.post("/api/chat", json=body_of("/api/chat", stream=False)).status_code == 200


def test_nor_does_what_begins_an_answer(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    """Ollama has sent its status when its runner looks at the picture."""
    client = gateway_of(upstream, OLLAMA, MAX_RETRIES="3", BREAKER_FAILURES="2")
    OLLAMA.play(upstream, BY_NAME["text"])
    upstream.on("/api/chat", Answer(200, {"Content-Type": "application/x-ndjson"}, [json.dumps(OF_OLLAMA).encode() + b"\n"]))
    for path in ("/api/chat", "/v1/chat/completions", "/v1/messages"):
        ensure_invalid(path, client.post(path, json=body_of(path, stream=True)), "missing data required")
    assert len(upstream.requests_to("/api/chat")) == 3
    OLLAMA.play(upstream, BY_NAME["text"])
    assert client.post("/api/chat", json=body_of("/api/chat", stream=True)).status_code == 200


@pytest.mark.parametrize(
    ("words", "status", "told", "at_the_fallback"),
    [(OF_LLAMACPP, 400, 400, 0), (OF_LLAMACPP, 500, 200, 5), (UNREADABLE, 500, 200, 5), (WRONG, 500, 400, 0)],
    ids=["a plain 400", "what the model does not do", "what it cannot read", "what is wrong everywhere"],
)
def test_a_fallback_may_do_what_the_model_does_not_and_others_stay_where_they_are(
    tmp_path: Path, upstream: FakeUpstream, words: object, status: int, told: int, at_the_fallback: int
) -> None:
    with FakeUpstream() as second:
        OPENAI.play(second, BY_NAME["text"])
        text = f"""
[upstreams.u0]
base_url = "{OPENAI.base_url(upstream)}"
[upstreams.u1]
base_url = "{OPENAI.base_url(second)}"
[fallbacks]
"u0/m" = ["u1/m"]
"""
        client = create_app(config_of(tmp_path, text, {}, MAX_RETRIES="3", BREAKER_FAILURES="2")).test_client()
        upstream.on(OPENAI.paths[0], json_answer(words, status))
        body = {**body_of("/v1/chat/completions", stream=False), "model": "u0/m"}
        assert [client.post("/v1/chat/completions", json=body).status_code for _ in range(5)] == [told] * 5
        OPENAI.play(upstream, BY_NAME["text"])
        assert client.post("/v1/chat/completions", json=body).status_code == 200
        assert (len(upstream.requests_to(OPENAI.paths[0])), len(second.requests_to(OPENAI.paths[0]))) == (6, at_the_fallback)


OF_TEMPLATE = {"error": {"code": 500, "message": "Jinja Exception: Unknown (built-in) filter 'x' for type String"}}


def boxes(folder: Path, *servers: FakeUpstream, **settings: str) -> FlaskClient:
    """A client of a gateway with these replicas, each of which serves a text, and lists the model."""
    for server in servers:
        OPENAI.play(server, BY_NAME["text"])
        server.on("/v1/models", json_answer({"object": "list", "data": [{"id": "m", "object": "model"}]}))
    addresses = ", ".join(f'"{OPENAI.base_url(server)}"' for server in servers)
    return create_app(config_of(folder, f"[upstreams.boxes]\nbase_url = [{addresses}]\n", {}, **settings)).test_client()


def chats(client: FlaskClient, times: int) -> set[int]:
    body = body_of("/v1/chat/completions", stream=False)
    return {client.post("/v1/chat/completions", json=body).status_code for _ in range(times)}


def asked(*servers: FakeUpstream) -> list[int]:
    return [len(server.requests_to(OPENAI.paths[0])) for server in servers]


@pytest.mark.parametrize("words", [OF_LLAMACPP, UNREADABLE, OF_TEMPLATE], ids=["projector", "decoder", "template"])
def test_another_replica_may_be_built_otherwise(tmp_path: Path, upstream: FakeUpstream, words: object) -> None:
    with FakeUpstream() as second:
        client = boxes(tmp_path, upstream, second, MAX_RETRIES="3", BREAKER_FAILURES="2")
        upstream.on(OPENAI.paths[0], json_answer(words, 500))
        assert chats(client, 12) == {200}
        assert asked(second) == [12]


def test_what_is_wrong_everywhere_is_asked_nowhere_else(tmp_path: Path, upstream: FakeUpstream) -> None:
    with FakeUpstream() as second:
        client = boxes(tmp_path, upstream, second, MAX_RETRIES="3")
        for server in (upstream, second):
            server.on(OPENAI.paths[0], json_answer(WRONG, 500))
        assert chats(client, 8) == {400}
        assert sum(asked(upstream, second)) == 8


def test_one_more_replica_is_asked_and_no_retry_is_taken_from_others(tmp_path: Path, upstream: FakeUpstream) -> None:
    with FakeUpstream() as second, FakeUpstream() as third, FakeUpstream() as fourth:
        servers = (upstream, second, third, fourth)
        client = boxes(tmp_path, *servers, MAX_RETRIES="3", BREAKER_FAILURES="1000")
        for server in servers:
            server.on(OPENAI.paths[0], json_answer(OF_LLAMACPP, 500))
        assert chats(client, 30) == {400}
        assert sum(asked(*servers)) == 60
        for server in servers:
            OPENAI.play(server, BY_NAME["text"])
        for server in servers[:2]:
            server.on(OPENAI.paths[0], json_answer({"error": {"message": "Internal Server Error"}}, 500))
        assert chats(client, 10) == {200}


@pytest.mark.parametrize("other", [json_answer({"error": {"code": 503, "message": "Loading model"}}, 503), None], ids=["loading", "down"])
def test_how_it_is_with_others_is_not_told_in_place_of_what_is_wrong(tmp_path: Path, upstream: FakeUpstream, other: Answer | None) -> None:
    with FakeUpstream() as second:
        client = boxes(tmp_path, upstream, second, MAX_RETRIES="3", BREAKER_FAILURES="2")
        upstream.on(OPENAI.paths[0], json_answer(OF_LLAMACPP, 500))
        if other is not None:
            second.on(OPENAI.paths[0], other)
            assert chats(client, 12) == {400}
    if other is None:  # It was ended.
        assert chats(client, 12) == {400}
        assert asked(upstream) == [12]


TOO_LARGE = "input (901 tokens) is too large to process. increase the physical batch size (current batch size: 512)"


@pytest.mark.parametrize("path", ["/api/embed", "/v1/embeddings"])
def test_a_text_that_is_too_long_for_vectors_closes_nothing(gateway_of: Gateway, upstream: FakeUpstream, path: str) -> None:
    client = gateway_of(upstream, OPENAI, MAX_RETRIES="3", BREAKER_FAILURES="2")
    OPENAI.play(upstream, BY_NAME["text"])
    upstream.on("/v1/embeddings", json_answer({"error": {"code": 500, "message": TOO_LARGE, "type": "server_error"}}, 500))
    body = {"model": "m", "input": "word " * 900, "truncate": False} if path == "/api/embed" else {"model": "m", "input": "word " * 900}
    for _ in range(3):
        assert client.post(path, json=body).status_code == 400
    assert len(upstream.requests_to("/v1/embeddings")) == 3
    assert client.post("/api/chat", json=body_of("/api/chat", stream=False)).status_code == 200


def test_one_that_may_be_shortened_is_asked_for_once_more(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    client = gateway_of(upstream, OPENAI, MAX_RETRIES="3", BREAKER_FAILURES="2")
    OPENAI.play(upstream, BY_NAME["text"])
    vectors = json_answer({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}], "model": "m"})
    refusal = json_answer({"error": {"code": 500, "message": TOO_LARGE, "type": "server_error"}}, 500)
    upstream.on("/v1/embeddings", lambda request: refusal if len(request.json["input"][0]) > 3000 else vectors)
    for turn in (1, 2, 3):
        assert client.post("/api/embed", json={"model": "m", "input": "word " * 900}).status_code == 200
        assert len(upstream.requests_to("/v1/embeddings")) == 2 * turn


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("No endpoints found matching your data policy (Paid model training). Configure: https://openrouter.ai/settings/privacy", 404),
        ("No allowed providers are available for the selected model.", 404),
        ("No endpoints found that support image input", 200),
    ],
)
def test_who_may_serve_a_client_by_its_own_account_is_not_gone_round(tmp_path: Path, upstream: FakeUpstream, words: str, told: int) -> None:
    with FakeUpstream() as second:
        OPENAI.play(second, BY_NAME["text"])
        OPENAI.play(upstream, BY_NAME["text"])
        upstream.on(OPENAI.paths[0], json_answer({"error": {"message": words, "code": 404}}, 404))
        text = f"""
[upstreams.u0]
base_url = "{OPENAI.base_url(upstream)}"
profile = "openrouter"
pass_client_key = true
[upstreams.u1]
base_url = "{OPENAI.base_url(second)}"
[fallbacks]
"u0/m" = ["u1/m"]
"""
        client = create_app(config_of(tmp_path, text, {})).test_client()
        body = {**body_of("/v1/chat/completions", stream=False), "model": "u0/m"}
        answer = client.post("/v1/chat/completions", json=body, headers={"Authorization": "Bearer sk-of-the-client-0123456789"})
        assert answer.status_code == told
        assert len(second.requests_to(OPENAI.paths[0])) == (told == 200)
