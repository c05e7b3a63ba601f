"""Streams whose upstream takes its time: what the client is told meanwhile, and when it goes wrong then."""

from __future__ import annotations

import json
import logging
import time

import pytest

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk
from tests.fake_upstream import STALL, Answer, FakeUpstream, json_answer, stream_of
from tests.gateway.from_outside import CHAT, SSE, last_line, lines_of_stream
from tests.gateway.many_upstreams.two_upstreams import CHATS, FALLBACK, Client, ask, is_greeted_by, says

LATE = f"{FALLBACK}\n[upstreams.boxes.timeouts]\ncommit = 0.1\n"
QUICK = {"KEEPALIVE_INTERVAL": "0.1"}


def test_silence_of_an_upstream_is_bridged_in_ollamas_words(a_client: Client, boxes: FakeUpstream) -> None:
    answer = stream_of(chat_chunk("late"), finish_chunk())
    boxes.on(CHAT, Answer(200, SSE, answer.steps, before=[0.5]))
    client, began_s = a_client(LATE, **QUICK), time.monotonic()
    response = ask(client, stream=True)
    assert (response.status_code, response.content_type) == (200, "application/x-ndjson")
    *signs, word, end = lines_of_stream(response)
    assert [sign["message"]["content"] for sign in signs] == [""] * len(signs)
    assert 2 <= len(signs) <= (time.monotonic() - began_s) / 0.1
    assert (word["message"]["content"], end["done_reason"]) == ("late", "stop")


def test_silence_of_an_upstream_is_bridged_by_comments(a_client: Client, boxes: FakeUpstream) -> None:
    answer = stream_of(chat_chunk("late"), finish_chunk())
    boxes.on(CHAT, Answer(200, SSE, answer.steps, before=[0.5]))
    client, began_s = a_client(LATE, **QUICK), time.monotonic()
    response = ask(client, "/v1/chat/completions", stream=True)
    assert (response.status_code, response.content_type) == (200, "text/event-stream")
    signs, _, rest = response.data.partition(b"data: ")
    assert set(signs.split(b"\n\n")) == {b": keep-alive", b""}
    assert 2 <= signs.count(b": keep-alive") <= (time.monotonic() - began_s) / 0.1
    assert b"data: " + rest == b"".join(answer.steps)


def test_silence_of_an_upstream_is_bridged_by_pings_alone(a_client: Client, boxes: FakeUpstream) -> None:
    answer = stream_of(chat_chunk("late"), finish_chunk())
    boxes.on(CHAT, Answer(200, SSE, answer.steps, before=[0.5]))
    response = ask(a_client(LATE, **QUICK), "/v1/messages", stream=True, max_tokens=9)
    names = [line.removeprefix(b"event: ") for line in response.data.splitlines() if line.startswith(b"event: ")]
    signs = names.index(b"message_start")
    assert 2 <= signs <= 6
    assert set(names[:signs]) == {b"ping"}
    assert names[signs : signs + 2] == [b"message_start", b"content_block_start"]


@pytest.mark.parametrize("path", CHATS)
def test_fallback_goes_on_behind_a_stream_that_has_begun(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str) -> None:
    boxes.on(CHAT, Answer(500, {}, [b"crashed"], before=[0.3]))
    says(cloud)
    response = ask(a_client(LATE, **QUICK), path, stream=True)
    assert is_greeted_by(cloud, response), response.text


@pytest.mark.parametrize("path", CHATS)
def test_failure_after_the_status_was_sent_is_told_in_the_stream(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    caplog.set_level(logging.INFO)
    for upstream in (boxes, cloud):
        upstream.on(CHAT, Answer(500, {}, [b'{"error": {"message": "crashed"}}'], before=[0.2]))
    response = ask(a_client(LATE, **QUICK), path, stream=True)
    assert response.status_code == 200
    if path.startswith("/v1"):
        assert json.loads(response.data.split(b"data: ")[1])["error"]["message"] == "crashed"
        assert response.data.endswith(b"data: [DONE]\n\n")
    else:
        assert lines_of_stream(response)[-1] == {"error": "crashed"}
        assert not any(line.get("done") for line in lines_of_stream(response))
    response.close()
    line = last_line(caplog)
    assert (line["status"], line["end"], line["error"], line["attempts"]) == (200, "failed", "crashed", 2)


def test_whole_answer_that_comes_late_is_told_as_a_stream(a_client: Client, boxes: FakeUpstream) -> None:
    whole = json_answer(chat_reply("late"))
    boxes.on(CHAT, Answer(200, whole.headers, whole.steps, "length", before=[0.3]))
    client = a_client(LATE, **QUICK)
    relayed = ask(client, "/v1/chat/completions", stream=True).data
    assert b'"late"' in relayed
    assert relayed.endswith(b"data: [DONE]\n\n")
    assert lines_of_stream(ask(client, stream=True))[-1]["done"]


@pytest.mark.parametrize("path", CHATS)
def test_status_stays_open_for_whole_answers_and_where_nothing_is_committed(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str
) -> None:
    for upstream in (boxes, cloud):
        upstream.on(CHAT, Answer(503, {}, [b"crashed"], before=[0.3]))
    assert ask(a_client(LATE), path).status_code == 503
    assert ask(a_client(LATE.replace("commit = 0.1", "commit = 0")), path, stream=True).status_code == 503


@pytest.mark.parametrize("path", CHATS)
def test_client_that_leaves_a_late_stream_frees_the_upstream_in_the_end(a_client: Client, boxes: FakeUpstream, path: str) -> None:
    gate = boxes.gate()
    answer = stream_of(chat_chunk("late"), done=False, then=[STALL])
    boxes.on(CHAT, Answer(200, SSE, answer.steps, before=[gate]))
    response = ask(a_client(LATE, **QUICK), path, stream=True)
    next(iter(response.response))
    response.close()
    gate.set()
    assert boxes.requests_to(CHAT)[0].wait_closed(2)
