"""Upstreams' own answers, on their way to a client: what is none, what never begins, and what comes in another form than was asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from proxy.dialects.openai.wholes import chunks_of
from tests.facts.speech import chat_chunk, chat_reply, embeddings_reply, finish_chunk, usage_chunk
from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, json_answer, sse, stream_of
from tests.gateway import several

CHAT = "/chat/completions"
RELAYED_CHAT = "/v1/chat/completions"
SSE, JSON = {"Content-Type": "text/event-stream"}, {"Content-Type": "application/json"}
ROLE = {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
CHATS = ["/api/chat", "/api/generate", RELAYED_CHAT]
# The configuration of two upstreams, of which one stands in for the other.
TWO = """
[upstreams.boxes]
base_url = @boxes
timeouts = {commit = 0, first_byte = 0.3, idle = 2}

[upstreams.cloud]
base_url = @cloud

[fallbacks]
big = ["cloud/large"]
"""
LATE = TWO.replace("commit = 0, first_byte = 0.3", "commit = 0.05, first_byte = 5")

Client = Callable[..., FlaskClient]


@pytest.fixture
def cloud() -> Iterator[FakeUpstream]:
    def chat(request: Request) -> Answer:
        if request.json.get("stream"):
            return stream_of(chat_chunk("hello"), finish_chunk(), usage_chunk(3, 2))
        return json_answer(chat_reply("hello"))

    with several.an_upstream("large") as upstream:
        upstream.on(CHAT, chat)
        upstream.on("/completions", json_answer({"choices": [{"index": 0, "text": "hello", "finish_reason": "stop"}]}))
        upstream.on("/embeddings", json_answer({**embeddings_reply([[1.0]]), "from": "hello"}))
        yield upstream


@pytest.fixture
def a_client(tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream) -> Client:
    return lambda text=TWO: several.a_client(tmp_path, text, boxes=boxes, cloud=cloud)


def ask(client: FlaskClient, path: str, **body: Any) -> TestResponse:
    question = {"messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "input": "hi"}
    return client.post(path, json={"model": "big", "stream": False, **question, **body})


# Answers that never begin


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("headers", "sign"), [(SSE, b": ping\n\n"), (JSON, b" "), (JSON, b"\n")], ids=["comments", "blanks", "lines"])
def test_upstream_that_gives_nothing_but_signs_of_life_is_left_for_the_next(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, stream: bool, headers: dict[str, str], sign: bytes
) -> None:
    boxes.on(CHAT, Answer(200, headers, [sign, 0.05] * 200))
    client, began_s = a_client(), time.monotonic()
    assert "hello" in ask(client, path, stream=stream).text
    assert time.monotonic() - began_s < 5
    assert len(cloud.requests_to(CHAT)) == 1


@pytest.mark.parametrize("path", CHATS)
def test_upstream_that_goes_on_without_words_is_left_for_the_next(a_client: Client, boxes: FakeUpstream, path: str) -> None:
    boxes.on(CHAT, Answer(200, SSE, [sse(ROLE, done=False)[0], 0.05] * 200))
    client, began_s = a_client(), time.monotonic()
    assert "hello" in ask(client, path, stream=True).text
    assert time.monotonic() - began_s < 5


@pytest.mark.parametrize("path", ["/api/embed", "/v1/embeddings"])
def test_vectors_that_never_begin_are_not_waited_for(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str) -> None:
    boxes.on("/embeddings", Answer(200, JSON, [b" ", 0.05] * 200))
    client, began_s = a_client(), time.monotonic()
    assert ask(client, path).status_code == 200
    assert time.monotonic() - began_s < 5
    assert len(cloud.requests_to("/embeddings")) == 1


@pytest.mark.parametrize("path", CHATS)
def test_answer_that_begins_after_signs_of_life_is_handed_on(a_client: Client, boxes: FakeUpstream, path: str) -> None:
    whole = json.dumps(chat_reply("at last")).encode()
    boxes.on(CHAT, Answer(200, JSON, [b" ", 0.05, b"\n", 0.05, whole[:20], 0.05, whole[20:]]))
    assert "at last" in ask(a_client(), path).text


def test_all_that_came_before_the_words_is_handed_on_with_them(a_client: Client, boxes: FakeUpstream) -> None:
    steps = [b": wait\n\n", *sse(ROLE, chat_chunk("at last"), finish_chunk())]
    boxes.on(CHAT, Answer(200, SSE, [steps[0], 0.05, steps[1], 0.05, *steps[2:]]))
    assert ask(a_client(), RELAYED_CHAT, stream=True).data == b"".join(steps)


def test_first_record_may_be_as_long_as_a_picture(a_client: Client, boxes: FakeUpstream) -> None:
    steps = sse(ROLE, chat_chunk("a" * 400_000), finish_chunk())
    boxes.on(CHAT, Answer(200, SSE, [b"".join(steps)[:150_000], 0.02, b"".join(steps)[150_000:]]))
    response = ask(a_client(), RELAYED_CHAT, stream=True)
    assert (response.status_code, response.data) == (200, b"".join(steps))


# Answers that fail before they say anything


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("then", [[CUT], [], sse({"error": {"message": "crashed", "code": 503}}), [b"data: {oops\n\n"]])
def test_stream_that_fails_after_its_role_comes_from_the_next(a_client: Client, boxes: FakeUpstream, path: str, then: list[Any]) -> None:
    boxes.on(CHAT, Answer(200, SSE, [*sse(ROLE, done=False), *then]))
    response = ask(a_client(), path, stream=True)
    assert (response.status_code, "hello" in response.text, "error" in response.text) == (200, True, False)


def test_first_word_goes_out_before_the_second_is_made(a_client: Client, boxes: FakeUpstream) -> None:
    gate = boxes.gate()
    role, word, *rest = sse(ROLE, chat_chunk("first"), finish_chunk())
    boxes.on(CHAT, Answer(200, SSE, [role, word, gate, *rest]))
    response = ask(a_client(), RELAYED_CHAT, stream=True)
    seen, chunks = b"", iter(response.response)
    while b"first" not in seen:
        seen += next(chunks)
    gate.set()
    assert seen + b"".join(chunks) == b"".join([role, word, *rest])
    response.close()


@pytest.mark.parametrize("path", [RELAYED_CHAT, "/v1/completions", "/v1/embeddings"])
@pytest.mark.parametrize("body", ["[]", "{}", '{"choices": []}', '{"choices": null}', '{"object": "list"}', '{"message": "no such thing"}'])
def test_json_that_is_no_answer_comes_from_the_next(a_client: Client, boxes: FakeUpstream, path: str, body: str) -> None:
    boxes.on(path.removeprefix("/v1"), Answer(200, JSON, [body.encode()], "length"))
    response = ask(a_client(), path)
    assert (response.status_code, "hello" in response.text) == (200, True)


def test_json_that_is_no_answer_is_told_in_its_own_words_when_nobody_else_is_there(a_client: Client, boxes: FakeUpstream) -> None:
    client = a_client(TWO.partition("[fallbacks]")[0])
    for body, told in (({"choices": []}, 'no answer to such a request: {"choices":[]}'), ({"detail": "no such thing"}, "no such thing")):
        boxes.on(CHAT, json_answer(body))
        response = ask(client, RELAYED_CHAT)
        assert response.status_code == 502
        assert told in response.get_json()["error"]["message"]


# Whole answers where a stream was asked for


def late(boxes: FakeUpstream, body: dict[str, Any], path: str = CHAT) -> None:
    boxes.on(path, Answer(200, JSON, [json.dumps(body).encode()], "length", before=[0.2]))


@pytest.mark.parametrize("wants_usage", [True, False])
def test_whole_answer_that_comes_after_the_head_of_a_stream_is_handed_on_as_one(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, wants_usage: bool
) -> None:
    late(boxes, chat_reply("at last", usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}))
    response = ask(a_client(LATE), RELAYED_CHAT, stream=True, stream_options={"include_usage": wants_usage})
    _, *records, done = response.data.decode().split("data: ")
    chunks = [json.loads(record) for record in records]
    assert done == "[DONE]\n\n"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]] == ["at last", None]
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]] == [None, "stop"]
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if chunk.get("usage")] == [5] * wants_usage
    assert len(cloud.requests_to(CHAT)) == 0


def test_whole_answer_to_a_request_that_has_no_streams_is_told_to_have_come_too_late(a_client: Client, boxes: FakeUpstream) -> None:
    late(boxes, embeddings_reply([[1.0]]), "/embeddings")
    assert b"in one piece" in ask(a_client(LATE), "/v1/embeddings", stream=True).data


def test_openais_library_reads_a_whole_answer_that_became_a_stream() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    choice = {"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    body = chunks_of(json.dumps({**chat_reply(""), "choices": [choice]}).encode(), {"stream": True})
    with FakeUpstream() as server:
        server.on(CHAT, Answer(200, SSE, [body]))
        client = openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0)
        with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as stream:
            stream.until_done()
            (read,) = stream.get_final_completion().choices
        client.close()
    assert read.finish_reason == "tool_calls"
    assert read.message.tool_calls is not None
    assert [(each.id, each.function.name, each.function.arguments) for each in read.message.tool_calls] == [("a", "f", "{}")]
