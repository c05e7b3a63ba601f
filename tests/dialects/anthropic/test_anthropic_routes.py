"""Anthropic clients in front of a whole gateway, with an upstream of OpenAI's language and one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from proxy.canonical.completion import Usage
from proxy.dialects.anthropic.records import message_record, text_block
from proxy.dialects.anthropic.sse_records import block_start, block_stop, delta_frame, event
from tests.dialects.anthropic.answers import records, types
from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, refusal, usage_chunk
from tests.fake_upstream import CUT, Answer, FakeUpstream, json_answer, sse, stream_of
from tests.gateway import several

TWO = """
[upstreams.boxes]
base_url = @boxes

[upstreams.claudes]
dialect = "anthropic"
base_url = @claudes
api_key = "sk-ant-of-the-house"
"""
ENDED = {"stop_reason": "end_turn", "stop_sequence": None}


@pytest.fixture
def boxes() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        several.lists(upstream, "big")
        yield upstream


@pytest.fixture
def claudes() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        listed = {"data": [{"type": "model", "id": "claude-x", "display_name": "Claude X", "created_at": "2026-01-01T00:00:00Z"}]}
        upstream.on("/models", json_answer({**listed, "has_more": False, "first_id": "claude-x", "last_id": "claude-x"}))
        yield upstream


@pytest.fixture
def client(tmp_path: Path, boxes: FakeUpstream, claudes: FakeUpstream) -> FlaskClient:
    return several.a_client(tmp_path, TWO, boxes=boxes, claudes=claudes)


def ask(client: FlaskClient, model: str = "big", path: str = "/v1/messages", **body: Any) -> TestResponse:
    asked = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **body}
    headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "a,b", "x-api-key": "mine", "x-other": "1"}
    return client.post(path, json=asked, headers=headers)


def a_claude_stream(*texts: str) -> bytes:
    before, after = delta_frame(0, "text_delta", "text")
    end = event("message_delta", {"type": "message_delta", "delta": ENDED, "usage": {"output_tokens": 2}})
    return b"".join(
        (
            event("message_start", {"type": "message_start", "message": message_record("msg_9", "claude-x", [], Usage(3, 1))}),
            block_start(0, text_block("")),
            *(before + b'"%b"' % text.encode() + after for text in texts),
            block_stop(0),
            end,
            event("message_stop", {"type": "message_stop"}),
        )
    )


def test_whole_answer_comes_from_another_language(client: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/chat/completions", json_answer(chat_reply("hello", usage={"prompt_tokens": 3, "completion_tokens": 2})))
    response = ask(client, system="be brief")
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert response.json is not None
    assert response.json["content"] == [{"type": "text", "text": "hello"}]
    assert response.json["usage"]["input_tokens"] == 3
    assert response.headers["request-id"] == response.headers["X-Request-ID"]
    (asked,) = boxes.requests_to("/chat/completions")
    assert [message["role"] for message in asked.json["messages"]] == ["system", "user"]


def test_stream_comes_from_another_language(client: FlaskClient, boxes: FakeUpstream) -> None:
    boxes.on("/chat/completions", stream_of(chat_chunk("hel"), chat_chunk("lo"), finish_chunk(), usage_chunk(3, 2)))
    response = ask(client, stream=True)
    assert response.content_type == "text/event-stream; charset=utf-8"
    assert types(response.data)[0] == "message_start"
    assert records(response.data)[-2]["usage"]["output_tokens"] == 2
    assert types(response.data)[-1] == "message_stop"


@pytest.mark.parametrize("stream", [True, False])
def test_stop_sequence_that_matched_is_named_whoever_answers(client: FlaskClient, boxes: FakeUpstream, stream: bool) -> None:
    boxes.on("/chat/completions", stream_of(chat_chunk("one E"), chat_chunk("ND two"), finish_chunk()))
    response = ask(client, stream=stream, stop_sequences=["END"])
    (asked,) = boxes.requests_to("/chat/completions")
    assert "stop" not in asked.json
    if stream:
        end = records(response.data)[-2]
        told, usage = end["delta"], end["usage"]
        words = "".join(record["delta"].get("text", "") for record in records(response.data) if record["type"] == "content_block_delta")
    else:
        assert response.json is not None
        told, usage, words = response.json, response.json["usage"], response.json["content"][0]["text"]
    assert (told["stop_reason"], told["stop_sequence"], words) == ("stop_sequence", "END", "one ")
    assert usage["input_tokens"] > 0
    assert usage["output_tokens"] > 0


def test_cut_stream_ends_in_an_error(client: FlaskClient, boxes: FakeUpstream) -> None:
    begun = boxes.gate()
    boxes.on("/chat/completions", Answer(200, {"Content-Type": "text/event-stream"}, [*sse(chat_chunk("hal"), done=False), begun, CUT]))
    response = ask(client, stream=True)
    begun.set()
    assert b'"hal"' in response.data
    assert types(response.data)[-1] == "error"
    assert "message_stop" not in types(response.data)


def test_own_language_is_relayed_byte_for_byte(client: FlaskClient, claudes: FakeUpstream) -> None:
    stream = a_claude_stream("hel", "lo")
    claudes.on("/messages", Answer(200, {"Content-Type": "text/event-stream", "request-id": "req_9"}, [stream]))
    response = ask(client, "claude-x", stream=True, some_new_field={"b": 1, "a": 1.50})
    assert response.data == stream
    assert response.headers["request-id"] == "req_9"
    (asked,) = claudes.requests_to("/messages")
    assert asked.json["some_new_field"] == {"b": 1, "a": 1.5}
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert asked.headers["anthropic-beta"] == "a,b"
    assert asked.headers["x-api-key"] == "sk-ant-of-the-house"
    assert "x-other" not in asked.headers


def test_relayed_stream_that_is_cut_ends_in_an_error(client: FlaskClient, claudes: FakeUpstream) -> None:
    stream = a_claude_stream("hel", "lo")
    claudes.on("/messages", Answer(200, {"Content-Type": "text/event-stream"}, [stream[: stream.index(b"lo")], CUT]))
    assert types(ask(client, "claude-x", stream=True).data)[-1] == "error"


def test_thoughts_of_others_are_left_out_for_claude(client: FlaskClient, claudes: FakeUpstream) -> None:
    answer = message_record("msg_9", "claude-x", [text_block("hello")], Usage(3, 2), ENDED)
    claudes.on("/messages", json_answer(answer))
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "yes"}]},
        {"role": "user", "content": "so?"},
    ]
    search = {"type": "web_search_20250305", "name": "web_search"}
    theirs = {"tools": [search], "mcp_servers": [{"type": "url", "url": "https://a.b", "name": "c"}], "container": "d", "speed": "fast"}
    response = ask(client, "claude-x", messages=history, big=12345678901234567890123, **theirs)
    assert response.json is not None
    assert response.json["content"] == [{"type": "text", "text": "hello"}]
    (asked,) = claudes.requests_to("/messages")
    assert asked.json["messages"] == [history[0], {"role": "assistant", "content": [{"type": "text", "text": "yes"}]}, history[2]]
    assert asked.json.items() >= theirs.items()
    assert asked.json["model"] == "claude-x"
    assert asked.headers["anthropic-beta"] == "a,b"
    assert b"12345678901234567890123" in asked.body


def test_errors_of_the_gateway_are_in_anthropics_shape(client: FlaskClient) -> None:
    response = ask(client, max_tokens=None)
    assert response.status_code == 400
    assert response.json == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "max_tokens: Field required"},
        "request_id": response.headers["request-id"],
    }
    assert client.post("/v1/messages", data="nonsense").json["error"]["type"] == "invalid_request_error"  # type: ignore[index]


def test_errors_of_upstreams_keep_their_status(client: FlaskClient, boxes: FakeUpstream, claudes: FakeUpstream) -> None:
    boxes.on("/chat/completions", json_answer(refusal("slow down"), status=429))
    response = ask(client)
    assert response.status_code == 429
    assert response.json is not None
    assert response.json["error"] == {"type": "rate_limit_error", "message": "slow down"}
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_9"}
    claudes.on("/messages", Answer(529, {"Content-Type": "application/json", "request-id": "req_9"}, [json_answer(overloaded).steps[0]]))
    response = ask(client, "claude-x")
    assert response.status_code == 529
    assert response.json is not None
    assert response.json["error"] == {"type": "overloaded_error", "message": "Overloaded"}


def test_tokens_are_counted_by_who_can_and_else_estimated(client: FlaskClient, claudes: FakeUpstream) -> None:
    claudes.on("/messages/count_tokens", json_answer({"input_tokens": 42}))
    path = "/v1/messages/count_tokens"
    assert ask(client, "claude-x", path).json == {"input_tokens": 42}
    few, many = ask(client, path=path).json, ask(client, path=path, tools=[{"name": "f", "input_schema": {"type": "object"}}]).json
    assert few is not None
    assert many is not None
    assert 0 < few["input_tokens"] < many["input_tokens"]


def test_lists_of_models_are_anthropics_for_its_clients(client: FlaskClient) -> None:
    header = {"anthropic-version": "2023-06-01"}
    response = client.get("/v1/models?limit=1", headers=header)
    assert response.json is not None
    assert [model["type"] for model in response.json["data"]] == ["model"]
    assert response.json["has_more"]
    assert "request-id" in response.headers
    one = client.get("/v1/models/claude-x", headers=header).json
    assert one is not None
    assert (one["id"], one["display_name"]) == ("claude-x", "Claude X")
    missing = client.get("/v1/models/nobody", headers=header)
    assert missing.status_code == 404
    assert missing.json is not None
    assert missing.json["error"]["type"] == "not_found_error"
    assert missing.json["request_id"] == missing.headers["request-id"]
    assert "has_more" not in (client.get("/v1/models").json or {})


def test_own_list_of_the_only_upstream_is_relayed(tmp_path: Path, claudes: FakeUpstream) -> None:
    text = '[upstreams.claudes]\ndialect = "anthropic"\nbase_url = @claudes\n'
    response = several.a_client(tmp_path, text, claudes=claudes).get(
        "/v1/models?limit=3", headers={"anthropic-version": "2023-06-01", "anthropic-beta": "a"}
    )
    assert response.json is not None
    assert response.json["data"][0]["display_name"] == "Claude X"
    asked = claudes.requests_to("/models")[-1]
    assert (asked.query, asked.headers["anthropic-beta"]) == ("limit=3", "a")
