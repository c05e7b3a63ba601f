"""Relayed requests and answers are handed on byte for byte; headers are not, unless they may."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import chat_reply, finish_chunk, refusal, usage_chunk
from tests.fake_upstream import Answer, FakeUpstream, json_answer, sse
from tests.gateway.from_outside import CHAT
from tests.gateway.one_upstream.questions import KEY, a_client, ask, asked

ODD = b"""{\r\n\t"temperature" : 1.50, "seed":12345678901234567890123,"top_p":1E-2 , "messages": [
  {"role":"user","content":"\\u00e9 \xc3\xa9 \\"model\\": \\"x\\""} ],
  "unknown" :{"model":"inner", "deep":[1.0,null]},   "model"  :  "m"   ,"stream":%s }  \n"""


@pytest.mark.parametrize("stream", [b"true", b"false"])
def test_request_when_relayed_keeps_every_byte(upstream: FakeUpstream, client: FlaskClient, stream: bytes) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    body = ODD % stream
    assert client.post("/v1/chat/completions", data=body).status_code == 200
    assert upstream.requests_to(CHAT)[0].body == body


def test_request_when_the_model_has_another_name_upstream_differs_in_nothing_else(upstream: FakeUpstream, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text('{"m": "org/th\\u00e9irs"}')
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    body = ODD % b"false"
    a_client(upstream, model_mapping_file=str(mapping)).post("/v1/chat/completions", data=body)
    assert upstream.requests_to(CHAT)[0].body == body.replace(b'  "m"   ', '  "org/théirs"   '.encode())


@pytest.mark.parametrize("model", ["M", "m:latest"])
def test_request_when_the_upstream_spells_the_model_in_another_way_has_its_spelling(
    upstream: FakeUpstream, client: FlaskClient, model: str
) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    ask(client, "/v1/chat/completions", model=model)
    assert asked(upstream)[0]["model"] == "m"


@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings"])
def test_answer_when_relayed_keeps_every_byte(upstream: FakeUpstream, client: FlaskClient, path: str) -> None:
    answer = b' {"id" :\t"1",\r\n "choices":[1],"data":[],"cost":1.50, "big":12345678901234567890123,"x":"\\u00e9\xc3\xa9", "usage":{}}\n\n'
    upstream.on(path, Answer(200, {"Content-Type": "application/json", "X-Ratelimit-Remaining-Requests": "3"}, [answer]))
    response = client.post(f"/v1{path}", json={"model": "m"})
    assert response.data == answer
    assert response.content_type == "application/json"
    assert response.headers["X-Ratelimit-Remaining-Requests"] == "3"
    assert response.headers["X-Request-ID"] != ""
    assert upstream.requests_to(path)[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
def test_stream_when_relayed_keeps_every_byte(upstream: FakeUpstream, client: FlaskClient, path: str) -> None:
    pieces = [
        b": OPENROUTER PROCESSING\n\n",
        b'data:{"id":"1","choices":[{"delta":{"content":"h\xc3',
        b'\xa9"},"finish_reason":null}]}\r\n\r\n',
        b'event: x\nid: 7\ndata: {"odd" :  1.50}\n\n\n',
        *sse(finish_chunk(), usage_chunk(5, 2)),
    ]
    upstream.on(path, Answer(200, {"Content-Type": "text/event-stream; charset=utf-8"}, pieces))
    response = client.post(f"/v1{path}", json={"model": "m", "stream": True})
    assert response.data == b"".join(pieces)
    assert response.content_type == "text/event-stream; charset=utf-8"


def test_stream_when_asked_for_but_answered_whole_is_the_upstreams_answer(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    response = ask(client, "/v1/chat/completions", stream=True)
    assert response.json == chat_reply("hello")


ILLEGAL = {"x-ratelimit-a": "a\x01b", "x-ratelimit-()": "z", "retry-after": "a\x00b", "x-ratelimit-b": "7\t\xfc", "openai-version": "\x7f"}


@pytest.mark.parametrize("status", [200, 429])
def test_headers_that_are_no_legal_http_are_not_relayed(upstream: FakeUpstream, client: FlaskClient, status: int) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello") if status == 200 else refusal("slow down"), status, ILLEGAL))
    response = ask(client, "/v1/chat/completions")
    assert response.status_code == status
    assert [response.headers.get(name) for name in ILLEGAL] == [None, None, None, "7\t\xfc", None]


@pytest.mark.parametrize(
    ("answer", "stream", "content_type"),
    [
        (json_answer(chat_reply("hello"), headers={"Content-Type": "application/json\x01"}), False, "application/json"),
        (json_answer(chat_reply("hello"), headers={"Content-Type": "application/json\x01"}), True, "application/json"),
        (Answer(200, {"Content-Type": "text/event-stream\x01"}, sse(finish_chunk())), True, "text/event-stream"),
    ],
)
def test_content_type_that_is_no_legal_http_is_replaced(
    upstream: FakeUpstream, client: FlaskClient, answer: Answer, stream: bool, content_type: str
) -> None:
    upstream.on(CHAT, answer)
    response = ask(client, "/v1/chat/completions", stream=stream)
    assert (response.status_code, response.content_type) == (200, content_type)
    assert response.data == b"".join(step for step in answer.steps if isinstance(step, bytes))


def test_clients_key_when_relayed_stays_in_the_house(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    client.post(
        "/v1/chat/completions",
        json={"model": "m"},
        headers={"Authorization": "Bearer sk-of-the-client", "Cookie": "a=b", "OpenAI-Organization": "org"},
    )
    headers = upstream.requests_to(CHAT)[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not {"cookie", "openai-organization"} & headers.keys()
