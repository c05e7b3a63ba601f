"""What a model does wrong: its server is well, asking again is paid for each time, and others want to be served meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer, stream_of
from tests.gateway.several import config_of
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME, PNG
from tests.pairs.upstreams import GEMINI, OLLAMA, OPENAI, Egress

WHOLE, STREAM = "/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent"
PICTURE = {"parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}
FAULTS = {
    "malformed call": ({"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "Malformed: print(f())"}, "print(f())"),
    "unexpected call": ({"content": {}, "finishReason": "UNEXPECTED_TOOL_CALL"}, "UNEXPECTED_TOOL_CALL"),
    "other": ({"content": {}, "finishReason": "OTHER"}, "OTHER"),
    "picture": ({"content": PICTURE, "finishReason": "STOP"}, "`inlineData` alone, and answers here are text"),
}


@pytest.fixture
def second() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        OPENAI.play(upstream, BY_NAME["text"])
        yield upstream


def says(upstream: FakeUpstream, *candidates: dict[str, Any]) -> None:
    """Lets the upstream answer with these candidates, one a record."""

    def answer(request: Request) -> Answer:
        records = [{"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3}} for candidate in candidates]
        return stream_of(*records, done=False) if request.path == STREAM else json_answer(records[-1])

    for path in (WHOLE, STREAM):
        upstream.on(path, answer)


def with_fallback(folder: Path, first: FakeUpstream, second: FakeUpstream) -> FlaskClient:
    """A client of a gateway whose model `u0/m` is Gemini's, and OpenAI's where that fails."""
    text = f"""
[upstreams.u0]
dialect = "gemini"
base_url = "{GEMINI.base_url(first)}"
[upstreams.u1]
base_url = "{OPENAI.base_url(second)}"
[fallbacks]
"u0/m" = ["u1/m"]
"""
    return create_app(config_of(folder, text, {}, MAX_RETRIES="3")).test_client()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_told_after_one_attempt_and_counts_for_nobody_else(
    gateway_of: Gateway, upstream: FakeUpstream, fault: str, stream: bool
) -> None:
    candidate, words = FAULTS[fault]
    client = gateway_of(upstream, GEMINI, MAX_RETRIES="3", BREAKER_FAILURES="2")
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    says(upstream, candidate)
    for _ in range(5):
        told = client.post("/v1/messages", json=body)
        assert (told.status_code, words in told.text) == (502, True)
    assert len(upstream.requests_to(STREAM if stream else WHOLE)) == 5
    GEMINI.play(upstream, BY_NAME["text"])
    assert client.post("/v1/messages", json=body).status_code == 200


def test_it_does_not_count_behind_words_that_were_told_either(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    says(upstream, {"content": {"parts": [{"text": "I call "}]}}, FAULTS["malformed call"][0])
    client = with_fallback(tmp_path, upstream, second)
    body = {"model": "u0/m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    for _ in range(2):
        told = client.post("/v1/chat/completions", json=body).text
        assert "I call " in told
        assert "print(f())" in told
    assert len(upstream.requests_to(STREAM)) == 2


def test_a_fallback_may_do_better(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    """Another model does not make the same mistake."""
    says(upstream, FAULTS["malformed call"][0])
    client = with_fallback(tmp_path, upstream, second)
    for turn in (1, 2):
        told = client.post("/api/chat", json={"model": "u0/m", "messages": [{"role": "user", "content": "hi"}], "stream": False})
        assert told.status_code == 200
        assert len(upstream.requests_to(WHOLE)) == turn


OF_OLLAMA = {"error": "error parsing tool call: raw='{\"x\": 1', err=unexpected end of JSON input"}
OF_QWEN = {"error": "XML syntax error on line 115: element <parameter> closed by </function>"}
OF_LLAMACPP = {"error": {"code": 500, "message": "Failed to parse input at pos 12: <tool_call>", "type": "server_error"}}
UNREADABLE = {
    "ollama": (OLLAMA, OF_OLLAMA, "error parsing tool call"),
    "qwen": (OLLAMA, OF_QWEN, "XML syntax error"),
    "llama.cpp": (OPENAI, OF_LLAMACPP, "Failed to parse input at pos 12"),
}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat", "/v1/messages"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("egress", "refusal", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_call_that_its_own_server_cannot_read_is_generated_once_and_closes_nothing(
    gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, refusal: dict[str, Any], words: str, path: str, stream: bool
) -> None:
    client = gateway_of(upstream, egress, MAX_RETRIES="3", BREAKER_FAILURES="2")
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    egress.play(upstream, BY_NAME["text"])
    upstream.on(egress.paths[0], json_answer(refusal, 500))
    for _ in range(5):
        told = client.post(path, json=body)
        assert (told.status_code, words in told.text) == (500, True)
    assert len(upstream.requests_to(egress.paths[0])) == 5
    egress.play(upstream, BY_NAME["text"])
    assert client.post(path, json=body).status_code == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat"])
def test_nor_does_one_that_is_told_inside_an_answer(gateway_of: Gateway, upstream: FakeUpstream, path: str) -> None:
    client = gateway_of(upstream, OLLAMA, MAX_RETRIES="3", BREAKER_FAILURES="2")
    OLLAMA.play(upstream, BY_NAME["text"])
    upstream.on("/api/chat", Answer(200, {"Content-Type": "application/x-ndjson"}, [json.dumps(OF_OLLAMA).encode() + b"\n"]))
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    for _ in range(5):
        assert "error parsing tool call" in client.post(path, json=body).text
    assert len(upstream.requests_to("/api/chat")) == 5
    OLLAMA.play(upstream, BY_NAME["text"])
    assert client.post(path, json=body).status_code == 200


@pytest.mark.parametrize(
    "words", ["Failed to parse JSON response from backend: connection closed", "error parsing JSON: upstream returned HTML"]
)
def test_what_a_replica_cannot_read_of_its_own_servers_is_asked_of_another(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, words: str
) -> None:
    upstream.on("/chat/completions", json_answer({"error": {"message": words}}, 500))
    text = f'[upstreams.u0]\nbase_url = ["{OPENAI.base_url(upstream)}", "{OPENAI.base_url(second)}"]\n'
    client = create_app(config_of(tmp_path, text, {}, MAX_RETRIES="2", BREAKER_FAILURES="3")).test_client()
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert {client.post("/v1/chat/completions", json=body).status_code for _ in range(20)} == {200}
    assert len(upstream.requests_to("/chat/completions")) <= 3
