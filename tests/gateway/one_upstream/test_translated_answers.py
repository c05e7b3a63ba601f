"""Answers in Ollama's words, and when they go out."""

from __future__ import annotations

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, lines_of, usage_chunk
from tests.fake_upstream import Answer, FakeUpstream, json_answer, sse, stream_of
from tests.gateway.from_outside import CHAT, SSE
from tests.gateway.one_upstream.questions import KEY, ask, text_of


def test_chat_when_whole_is_translated(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello", usage={"prompt_tokens": 5, "completion_tokens": 2})))
    response = ask(client)
    assert response.status_code == 200
    assert response.content_type == "application/json; charset=utf-8"
    assert response.json is not None
    assert response.json["message"] == {"role": "assistant", "content": "hello"}
    assert (response.json["prompt_eval_count"], response.json["eval_count"]) == (5, 2)
    assert upstream.requests_to(CHAT)[0].headers["authorization"] == f"Bearer {KEY}"


def test_chat_when_streamed_is_translated(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("he"), chat_chunk("llo"), finish_chunk(), usage_chunk(5, 2)))
    response = ask(client, stream=True)
    assert response.content_type == "application/x-ndjson"
    assert text_of(response) == "hello"
    assert lines_of(Body(response))[-1]["done_reason"] == "stop"


class Body:
    """A response as `lines_of` reads one."""

    def __init__(self, response: TestResponse) -> None:
        self.body = response.data


def test_first_words_when_they_arrive_are_not_held_back(upstream: FakeUpstream, client: FlaskClient) -> None:
    gate = upstream.gate()
    upstream.on(CHAT, Answer(200, SSE, [sse(chat_chunk("first"), done=False)[0], gate, *sse(finish_chunk())]))
    response = ask(client, stream=True)
    lines = iter(response.response)
    assert b"first" in next(lines)
    gate.set()
    assert b'"done":true' in b"".join(lines)
    response.close()


def test_events_of_one_read_are_written_in_one_piece(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, Answer(200, SSE, [b"".join(sse(*[chat_chunk("a")] * 50, finish_chunk()))]))
    with ask(client, stream=True) as response:
        assert len(list(response.response)) <= 2
