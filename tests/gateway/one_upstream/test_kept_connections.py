"""Which connections to an upstream are used again, and which are closed."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, usage_chunk
from tests.fake_upstream import STALL, FakeUpstream, json_answer, stream_of
from tests.gateway.from_outside import CHAT
from tests.gateway.one_upstream.questions import ask, text_of


def test_connections_when_streams_end_are_used_again(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("a"), finish_chunk(), usage_chunk(1, 1)))
    for _ in range(3):
        assert text_of(ask(client, stream=True)) == "a"
        assert ask(client, "/v1/chat/completions", stream=True).data.endswith(b"[DONE]\n\n")
    assert upstream.connections == 1


def test_connections_when_answers_are_whole_are_used_again(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    for path in ("/api/chat", "/v1/chat/completions") * 2:
        assert ask(client, path).status_code == 200
    assert client.get("/v1/models").status_code == 200
    assert upstream.connections == 1


def test_connection_when_the_client_closes_a_stream_is_closed(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("a"), done=False, then=[STALL]))
    for path in ("/api/chat", "/v1/chat/completions"):
        response = ask(client, path, stream=True)
        next(iter(response.response))
        response.close()
        assert upstream.requests_to(CHAT)[-1].wait_closed(2)


def test_stream_that_is_closed_before_it_began_closes_the_upstream(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("a"), done=False, then=[STALL]))
    for path in ("/api/chat", "/v1/chat/completions"):
        ask(client, path, stream=True).close()
        assert upstream.requests_to(CHAT)[-1].wait_closed(2)
