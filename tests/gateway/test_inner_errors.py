"""No key leaves the house by an error inside an answer that began as a success: neither the operator's nor the client's."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy.gateway.inner_errors import tells_error
from tests.facts.speech import chat_chunk, chat_reply, finish_chunk
from tests.fake_upstream import Answer, FakeUpstream, json_answer, sse
from tests.gateway import several

OF_THE_OPERATOR = ["operators-key-4711", "header-token-0815", "query-key-2342"]
OF_THE_CLIENT = "clients-key-1234"
SSE = {"Content-Type": "text/event-stream"}
WORDS = f"refused: {' '.join(OF_THE_OPERATOR)} {OF_THE_CLIENT}, sorry"
ERROR = {"error": {"message": WORDS, "type": WORDS, "code": WORDS, "param": WORDS}}
# As a server would write it that looks after its readers.
PRETTY = json.dumps(ERROR, indent=2).encode()
STREAMS = {
    "event": [*sse(chat_chunk("hal"), ERROR, done=False)],
    "event and end": [*sse(chat_chunk("hal"), ERROR)],
    "in the same read": [b"".join(sse(chat_chunk("hal"), ERROR))],
    "named event": [*sse(chat_chunk("hal"), done=False), b"event: error\ndata: " + json.dumps(WORDS).encode() + b"\n\n"],
    "typed event": [*sse(chat_chunk("hal"), {"type": "error", "message": WORDS}, done=False)],
    "field": [*sse(chat_chunk("hal"), done=False), b"error: " + json.dumps(ERROR["error"]).encode() + b"\n\n"],
    "bare": [*sse(chat_chunk("hal"), done=False), json.dumps(ERROR).encode() + b"\n"],
    "bare, in lines": [*sse(chat_chunk("hal"), done=False), *PRETTY.splitlines(keepends=True)],
    "without a line end": [*sse(chat_chunk("hal"), done=False), b"data: " + json.dumps(ERROR).encode()],
    "beside an answer": [*sse(chat_chunk("hal"), {**finish_chunk("error"), **ERROR})],
    "first": [*sse(ERROR)],
}

Ask = Callable[..., str]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with several.an_upstream("m") as upstream:
        yield upstream


@pytest.fixture
def client(tmp_path: Path, upstream: FakeUpstream) -> FlaskClient:
    text = f"""
    [upstreams.boxes]
    base_url = "{upstream.base_url}?key={OF_THE_OPERATOR[2]}"
    api_key = "{OF_THE_OPERATOR[0]}"
    headers = {{ "X-Auth-Token" = "{OF_THE_OPERATOR[1]}" }}
    pass_client_key = true
    """
    return several.a_client(tmp_path, text, upstream=upstream)


@pytest.fixture
def ask(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> Ask:
    """Asks, and returns what the client got and what the log says."""
    caplog.set_level(logging.DEBUG, "proxy")

    def ask(path: str, *, stream: bool = False, **body: Any) -> str:
        headers = {"Authorization": f"Bearer {OF_THE_CLIENT}"}
        asked = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "input": "hi", **body}
        response = client.get(path, headers=headers) if path.endswith("/m") else client.post(path, json=asked, headers=headers)
        return response.text + "\n".join(str(vars(record)) for record in caplog.records)

    return ask


def without_keys(said: str) -> bool:
    return not any(key in said for key in (*OF_THE_OPERATOR, OF_THE_CLIENT))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/api/chat", "/api/generate"])
@pytest.mark.parametrize("how", STREAMS)
def test_stream_that_tells_an_error_tells_no_key(upstream: FakeUpstream, ask: Ask, path: str, how: str) -> None:
    for upstream_path in ("/chat/completions", "/completions"):
        upstream.on(upstream_path, Answer(200, SSE, STREAMS[how]))
    said = ask(path, stream=True)
    assert without_keys(said)
    assert how in ("named event", "typed event") or "refused: [key] [key] [key] [key], sorry" in said


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/models/m", "/api/chat", "/api/embed"])
@pytest.mark.parametrize("beside", [{}, chat_reply("hello"), {"data": []}])
def test_whole_answer_that_tells_an_error_tells_no_key(upstream: FakeUpstream, ask: Ask, path: str, beside: dict[str, Any]) -> None:
    for upstream_path in ("/chat/completions", "/embeddings", "/completions", "/models/m"):
        upstream.on(upstream_path, json_answer({**beside, **ERROR}))
    assert without_keys(ask(path))


def test_answer_without_an_error_is_handed_on_as_it_came(upstream: FakeUpstream, ask: Ask) -> None:
    text = f'an "error": {OF_THE_OPERATOR[0]}\nerror: {OF_THE_CLIENT}'
    steps = sse({**chat_chunk(text), "error": None}, {**finish_chunk(), "error": None})
    upstream.on("/chat/completions", Answer(200, SSE, steps))
    assert ask("/v1/chat/completions", stream=True).startswith(b"".join(steps).decode())


@pytest.mark.parametrize(
    ("data", "is_told"),
    [
        (b'data: {"error": {"message": "x"}}\n\n', True),
        (b'data: {"error" :\n', True),
        (b'{"type":"error","code":1}\n', True),
        (b'\r\nevent: error\r\ndata: "x"\r\n\r\n', True),
        (b"error: x\n", True),
        (b'data: {"choices":[{"delta":{"content":"error"}}],"error":null}\n\n', False),
        (b'data: {"choices":[{"delta":{"content":"{\\"error\\": 1}"}}],"error" : null}\n\n', False),
        (b"data: an error: x\n\n", False),
        (b"", False),
    ],
)
def test_an_error_is_told_from_a_text_about_one(data: bytes, is_told: bool) -> None:
    assert tells_error(data) is is_told
