"""Failures before and after the first word: which have a status, and which are told in the stream."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, refusal
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, json_answer, stream_of
from tests.gateway.from_outside import CHAT, SSE, lines_of_stream
from tests.gateway.one_upstream.questions import a_client, ask


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("status", "told"), [(500, 500), (503, 503), (529, 503), (401, 401), (429, 429)])
def test_failure_before_the_first_word_has_a_status(
    upstream: FakeUpstream, client: FlaskClient, path: str, stream: bool, status: int, told: int
) -> None:
    upstream.on(CHAT, json_answer(refusal("no today"), status))
    response = ask(client, path, stream=stream)
    assert response.status_code == told
    assert b"no today" in response.data
    assert response.content_type == "application/json; charset=utf-8"


@pytest.mark.parametrize("stream", [True, False])
def test_error_as_first_record_has_a_status(upstream: FakeUpstream, client: FlaskClient, stream: bool) -> None:
    error = {"error": {"message": "provider is down", "code": 503}}
    upstream.on(CHAT, stream_of(error) if stream else json_answer(error))
    response = ask(client, stream=stream)
    assert (response.status_code, response.json) == (503, {"error": "provider is down"})


@pytest.mark.parametrize("stream", [True, False])
def test_error_as_first_record_is_tried_again(upstream: FakeUpstream, stream: bool) -> None:
    error = {"error": {"message": "provider is down", "code": 503}}
    good = stream_of(chat_chunk("hello"), finish_chunk()) if stream else json_answer(chat_reply("hello"))
    upstream.on(CHAT, stream_of(error) if stream else json_answer(error), good)
    response = ask(a_client(upstream, max_retries=1), stream=stream)
    assert response.status_code == 200
    assert "hello" in response.get_data(as_text=True)


@pytest.mark.parametrize("ending", [CUT, RESET])
def test_stream_when_cut_after_words_ends_with_an_error_and_no_done(upstream: FakeUpstream, client: FlaskClient, ending: Any) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[ending]))
    lines = lines_of_stream(ask(client, stream=True))
    assert lines[0]["message"]["content"] == "hal"
    assert list(lines[-1]) == ["error"]
    assert not any(line.get("done") for line in lines)


@pytest.mark.parametrize("steps", [[], [b"data: [DONE]"], [b": ping\n\n"], [CUT]], ids=["empty", "done", "comment", "cut"])
def test_stream_without_a_word_is_a_failure_with_a_status(upstream: FakeUpstream, client: FlaskClient, steps: list[Any]) -> None:
    upstream.on(CHAT, Answer(200, SSE, steps))
    response = ask(client, stream=True)
    assert response.status_code == 502
    assert list(response.json or {}) == ["error"]


def test_error_after_words_is_told_in_the_stream(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), {"error": {"message": "out of memory", "code": 500}}))
    lines = lines_of_stream(ask(client, stream=True))
    assert lines[-1] == {"error": "out of memory"}


def test_connection_that_breaks_after_the_finish_is_no_failure(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("all"), finish_chunk(), done=False, then=[RESET]))
    lines = lines_of_stream(ask(client, stream=True))
    assert lines[-1]["done_reason"] == "stop"


def test_stream_that_falls_silent_is_an_error_in_the_stream(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[STALL]))
    lines = lines_of_stream(ask(a_client(upstream, request_timeout=0.2), stream=True))
    assert "silent" in lines[-1]["error"]


def test_whole_answer_when_cut_is_a_failure(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, Answer(200, {"Content-Type": "application/json"}, [b'{"choices":[{"message":', CUT]))
    for path in ("/api/chat", "/v1/chat/completions"):
        response = ask(client, path)
        assert response.status_code == 502
        assert "error" in (response.json or {})


def test_upstream_that_is_not_there_is_503(upstream: FakeUpstream) -> None:
    client = a_client(upstream)
    upstream.close()
    for path in ("/api/chat", "/v1/chat/completions"):
        response = ask(client, path)
        assert response.status_code == 503
        assert str(upstream.port).encode() not in response.data
    assert client.get("/api/tags").status_code == 503
    assert client.get("/v1/models").status_code == 503
    assert client.get("/v1/models/m").status_code == 503
