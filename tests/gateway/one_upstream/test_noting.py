"""What the access log notes of an exchange's end."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, usage_chunk
from tests.fake_upstream import CUT, STALL, FakeUpstream, json_answer, stream_of
from tests.gateway.from_outside import CHAT, last_line
from tests.gateway.one_upstream.questions import ask


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "proxy.access")
    return caplog


def read_to_its_end(response: TestResponse) -> None:
    response.get_data()
    response.close()


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("stream", [True, False])
def test_tokens_and_finish_are_noted(
    upstream: FakeUpstream, client: FlaskClient, log: pytest.LogCaptureFixture, path: str, stream: bool
) -> None:
    whole = json_answer(chat_reply("a", usage={"prompt_tokens": 5, "completion_tokens": 2}))
    upstream.on(CHAT, stream_of(chat_chunk("a"), finish_chunk(), usage_chunk(5, 2)) if stream else whole)
    read_to_its_end(ask(client, path, stream=stream))
    line = last_line(log)
    assert (line["prompt_tokens"], line["completion_tokens"], line["end"]) == (5, 2, "finished")
    assert (line["model"], line["upstream_model"], line["upstream"], line["attempts"]) == ("m", "m", "default", 1)
    assert line.get("finish_reason") == ("stop" if stream or path == "/api/chat" else None)


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_streams_that_failed_are_noted_as_that(
    upstream: FakeUpstream, client: FlaskClient, log: pytest.LogCaptureFixture, path: str
) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("a"), done=False, then=[CUT]))
    read_to_its_end(ask(client, path, stream=True))
    assert (last_line(log)["end"], last_line(log)["error_kind"]) == ("truncated", "upstream_broken")
    upstream.on(CHAT, stream_of(chat_chunk("a"), {"error": {"message": "out of memory", "code": 500}}))
    read_to_its_end(ask(client, path, stream=True))
    assert (last_line(log)["end"], last_line(log)["error"]) == ("failed", "out of memory")


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_tokens_of_a_stream_that_the_client_left_are_noted(
    upstream: FakeUpstream, client: FlaskClient, log: pytest.LogCaptureFixture, path: str
) -> None:
    chunk = {**chat_chunk("a"), "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
    upstream.on(CHAT, stream_of(chunk, done=False, then=[STALL]))
    response = ask(client, path, stream=True)
    next(iter(response.response))
    response.close()
    line = last_line(log)
    assert (line["prompt_tokens"], line["completion_tokens"], line["end"]) == (5, 1, "client_gone")
