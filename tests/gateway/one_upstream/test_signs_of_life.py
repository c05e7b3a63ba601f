"""Streams that are silent for a while, and streams that get nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.facts.speech import chat_chunk, finish_chunk
from tests.fake_upstream import Answer, FakeUpstream, sse
from tests.gateway.from_outside import CHAT, SSE, lines_of_stream
from tests.gateway.one_upstream.questions import a_client, ask, text_of


def test_silence_of_an_upstream_that_is_there_is_told_to_a_streams_client(upstream: FakeUpstream) -> None:
    gate = upstream.gate()
    upstream.on(CHAT, Answer(200, SSE, [gate, *sse(chat_chunk("late"), finish_chunk())]))
    response = ask(a_client(upstream, keepalive_interval=0.05), stream=True)
    lines = iter(response.response)
    assert json.loads(next(lines))["message"]["content"] == ""
    gate.set()
    assert b"late" in b"".join(lines)
    response.close()


def test_comments_of_a_busy_upstream_become_signs_of_life(upstream: FakeUpstream) -> None:
    steps = [sse(chat_chunk("a"), done=False)[0], *[b": busy\n\n", 0.03] * 10, *sse(finish_chunk())]
    upstream.on(CHAT, Answer(200, SSE, steps))
    lines = lines_of_stream(ask(a_client(upstream, keepalive_interval=0.1), stream=True))
    assert [line["message"]["content"] for line in lines[:2]] == ["a", ""]
    assert lines[-1]["done_reason"] == "stop"


def comments_without_end() -> list[Any]:
    return [b": busy\n\n", 0.02] * 200


@pytest.mark.parametrize("piece", [b": busy\n\n", b"data: {"], ids=["comments", "a record without end"])
def test_stream_that_gets_nowhere_before_its_first_word_is_a_timeout(upstream: FakeUpstream, piece: bytes) -> None:
    upstream.on(CHAT, Answer(200, SSE, [piece, 0.02] * 200))
    response = ask(a_client(upstream, first_byte_timeout=0.2), stream=True)
    assert response.status_code == 504
    assert "FIRST_BYTE_TIMEOUT" in (response.json or {})["error"]
    assert upstream.requests_to(CHAT)[0].wait_closed(2)


def test_stream_that_gets_nowhere_after_words_ends_with_an_error(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, Answer(200, SSE, [sse(chat_chunk("hal"), done=False)[0], *comments_without_end()]))
    lines = lines_of_stream(ask(a_client(upstream, first_byte_timeout=0.2, keepalive_interval=0.05), stream=True))
    assert lines[0]["message"]["content"] == "hal"
    assert "FIRST_BYTE_TIMEOUT" in lines[-1]["error"]
    assert upstream.requests_to(CHAT)[0].wait_closed(2)


def test_stream_that_gets_on_between_its_comments_may_take_its_time(upstream: FakeUpstream) -> None:
    busy = [b": busy\n\n", 0.1]
    word = sse(chat_chunk("a"), done=False)[0]
    upstream.on(CHAT, Answer(200, SSE, [*[word, *busy] * 6, *sse(finish_chunk())]))
    assert text_of(ask(a_client(upstream, first_byte_timeout=0.4), stream=True)) == "a" * 6
