"""Relayed answers that are refusals, that are none, and that end too early."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, refusal, usage_chunk
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Raw, json_answer, stream_of
from tests.gateway.from_outside import CHAT
from tests.gateway.one_upstream.questions import a_client, ask, asked


@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings"])
def test_error_in_place_of_a_whole_answer_when_relayed_has_the_status_that_it_names(
    upstream: FakeUpstream, client: FlaskClient, path: str
) -> None:
    upstream.on(path, json_answer({"error": {"message": "slow down", "type": "their_type", "code": 429}}))
    response = client.post(f"/v1{path}", json={"model": "big", "messages": [], "prompt": "hi", "input": "hi"})
    assert (response.status_code, response.json["error"]["type"]) == (429, "their_type")


def test_error_in_place_of_a_whole_answer_when_relayed_is_tried_again(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, json_answer({"error": {"message": "provider is down", "code": 503}}), json_answer(chat_reply("hello")))
    response = ask(a_client(upstream, max_retries=1), "/v1/chat/completions")
    assert (response.status_code, response.json) == (200, chat_reply("hello"))


@pytest.mark.parametrize("answer", [{**chat_reply("hello"), "error": {"message": "and a warning"}}, {**chat_reply("hello"), "error": None}])
def test_error_beside_a_whole_answer_when_relayed_is_the_upstreams_own(
    upstream: FakeUpstream, client: FlaskClient, answer: dict[str, Any]
) -> None:
    upstream.on(CHAT, json_answer(answer))
    response = ask(client, "/v1/chat/completions")
    assert (response.status_code, response.json) == (200, answer)


@pytest.mark.parametrize("stream", [1, "true", False])
def test_stream_of_events_is_relayed_as_one_whatever_was_asked(upstream: FakeUpstream, client: FlaskClient, stream: object) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[CUT]))
    response = ask(client, "/v1/chat/completions", stream=stream)
    events = response.data.split(b"\n\n")
    assert json.loads(events[1][6:])["error"]["type"] == "server_error"
    assert events[2:] == [b"data: [DONE]", b""]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"Content-Type": "text/html; charset=utf-8"}, [b"<html>sign in</html>"]),
        Answer(200, {"Content-Type": "TEXT/HTML"}, [b"<html>", STALL]),
        Answer(200, {"Content-Type": "application/json"}, [], "length"),
        Answer(200, {"Content-Type": "application/json"}, [b" \n"]),
        Answer(204, {}, [], "length"),
    ],
    ids=["web page", "endless web page", "nothing", "blanks", "204"],
)
def test_what_is_no_answer_is_not_relayed_as_one(upstream: FakeUpstream, client: FlaskClient, answer: Answer, stream: bool) -> None:
    upstream.on(CHAT, answer)
    response = ask(client, "/v1/chat/completions", stream=stream)
    assert response.status_code == 502
    assert response.json is not None
    assert response.json["error"]["type"] == "server_error"
    assert "OPENAI_API_BASE_URL" in response.json["error"]["message"]
    assert response.headers["X-Gateway-Error"] == "1"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/chat", {"messages": [{"role": "user", "content": "hi"}], "stream": True}),
        ("/api/chat", {"messages": [{"role": "user", "content": "hi"}], "stream": False}),
        ("/api/generate", {"prompt": "hi", "stream": False}),
        ("/api/embed", {"input": "hi"}),
    ],
)
def test_a_web_page_is_told_to_all_clients_with_the_key_that_may_be_wrong(
    upstream: FakeUpstream, client: FlaskClient, path: str, asked: dict[str, Any]
) -> None:
    for upstream_path in (CHAT, "/completions", "/embeddings"):
        upstream.on(upstream_path, Answer(200, {"Content-Type": "text/html"}, [b"<html>sign in</html>"]))
    response = client.post(path, json={"model": "m", **asked})
    assert response.status_code == 502
    assert response.json is not None
    assert response.json["error"].startswith(
        "the upstream answered with a web page where JSON was due; check that OPENAI_API_BASE_URL leads to"
    )


def test_refusal_when_relayed_is_openais_error_object(upstream: FakeUpstream, client: FlaskClient) -> None:
    own = {"message": "bad temperature", "type": "their_type", "param": "temperature", "code": "their_code"}
    headers = {"x-ratelimit-remaining-tokens": "9", "Set-Cookie": "a=b", "X-Request-ID": "theirs"}
    upstream.on(CHAT, json_answer({"error": own}, 400, headers))
    response = ask(client, "/v1/chat/completions", options={})
    assert (response.status_code, response.json) == (400, {"error": own})
    assert response.headers["x-ratelimit-remaining-tokens"] == "9"
    assert response.headers["X-Request-ID"] != "theirs"
    assert "Set-Cookie" not in response.headers
    assert "X-Gateway-Error" not in response.headers
    assert len(asked(upstream)) == 1


def test_rate_limit_when_relayed_says_when_to_come_back(upstream: FakeUpstream, client: FlaskClient) -> None:
    limits = {"Retry-After": "17", "x-ratelimit-reset-requests": "17s", "x-should-retry": "true"}
    upstream.on(CHAT, json_answer(refusal("slow down"), 429, limits))
    response = ask(client, "/v1/chat/completions")
    assert response.status_code == 429
    assert [response.headers.get(name) for name in limits] == list(limits.values())
    translated = ask(client)
    assert translated.headers["Retry-After"] == "17"
    assert "x-ratelimit-reset-requests" not in translated.headers


@pytest.mark.parametrize("ending", [[CUT], [RESET], [0.05, Raw(b"garbage that is no chunk\r\n")]])
def test_stream_when_relayed_and_cut_ends_as_an_error(upstream: FakeUpstream, client: FlaskClient, ending: list[Any]) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[b'data: {"id":"1","cho', *ending]))
    events = ask(client, "/v1/chat/completions", stream=True).data.split(b"\n\n")
    assert json.loads(events[0][6:]) == chat_chunk("hal")
    assert json.loads(events[1][6:])["error"]["type"] == "server_error"
    assert events[2:] == [b"data: [DONE]", b""]


def test_stream_when_relayed_and_ended_too_early_ends_as_an_error(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False))
    body = ask(client, "/v1/chat/completions", stream=True).data
    assert b"ended before it was complete" in body
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("ending", [CUT, RESET, STALL])
def test_stream_when_relayed_and_broken_after_its_end_is_the_upstreams_own(upstream: FakeUpstream, ending: Any) -> None:
    answer = stream_of(chat_chunk("all"), finish_chunk(), usage_chunk(5, 2), then=[ending])
    upstream.on(CHAT, answer)
    response = ask(a_client(upstream, request_timeout=0.2), "/v1/chat/completions", stream=True)
    assert response.data == b"".join(step for step in answer.steps if isinstance(step, bytes))


def test_stream_when_relayed_and_silent_ends_as_an_error(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[STALL]))
    body = ask(a_client(upstream, request_timeout=0.2, keepalive_interval=0.05), "/v1/chat/completions", stream=True).data
    assert b'"code":"upstream_timeout"' in body
    assert body.endswith(b"data: [DONE]\n\n")
