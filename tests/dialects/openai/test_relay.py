"""Relayed streams: what is handed on, what is read on the side, and how a stream ends that did not come to its own end."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.catalog import ListedModel, ModelCard
from proxy.canonical.completion import Usage
from proxy.dialects.openai.ingress import render_error, render_model
from proxy.dialects.openai.reading import read_error
from proxy.dialects.openai.relay import RelayTail, usage_of
from proxy.errors import (
    InvalidRequest,
    ModelNotFound,
    NotFound,
    ProxyError,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from proxy.wire.sse import SseReader

DONE = b"data: [DONE]\n\n"
KEY = "sk-proj-abcdefghijklmnop"


def a_record(content: str = "hal", finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": {"content": content}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "1", "model": "m", "choices": [choice], **more}).encode() + b"\n\n"


def a_usage(prompt: int = 7, completion: int = 3) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return b"data: " + json.dumps({"id": "1", "choices": [], "usage": usage}).encode() + b"\n\n"


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """`stream` in pieces; a place may come twice, then a piece is empty, as a silent upstream's is."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def relayed(stream: bytes, places: list[int] | None = None) -> tuple[bytes, RelayTail]:
    """What a client gets, and its reader. Raises `UpstreamBroken` as the reader does."""
    reader = RelayTail()
    handed_on = b"".join(reader.feed(chunk) for chunk in cut(stream, places or []))
    return handed_on + reader.close(), reader


def failed(stream: bytes, places: list[int] | None = None) -> bytes:
    """What a client gets of a stream that did not come to its own end."""
    reader = RelayTail()
    handed_on = b"".join(reader.feed(chunk) for chunk in cut(stream, places or []))
    with pytest.raises(ProxyError) as failure:
        reader.close()
    return handed_on + reader.render_failure(failure.value)


def errors_in(stream: bytes) -> list[dict[str, Any]]:
    """The errors that a reader of events finds, which skips what does not decode."""
    reader = SseReader()
    found = []
    for event in (*reader.feed(stream), *reader.close()):
        with suppress(json.JSONDecodeError):
            record = json.loads(event.data)
            found += [record["error"]] if event.field == "data" and "error" in record else []
    return found


places = st.lists(st.integers(0, 2000), max_size=12)

LONG = "long words that go on " * 2000
STREAMS = [
    a_record("he") + a_record("llo", "stop") + a_usage() + DONE,
    a_record() + a_record("", "length") + a_usage() + b"data:[DONE]\r\n\r\n",
    (a_record() + a_record("", "tool_calls") + a_usage()).replace(b"\n", b"\r\n") + b"data: [DONE]\r\n\r\n",
    (a_record() + a_record("", "stop") + a_usage()).replace(b"\n", b"\r") + b"data: [DONE]\r\r",
    b": OPENROUTER PROCESSING\n\n" + a_record("", "stop") + a_usage(),
    a_record("", "stop", usage={"prompt_tokens": 7, "completion_tokens": 3}) + b"data: [DONE]",
    a_record(LONG) + a_record("", "stop") + a_usage() + DONE,
    a_record("", "stop", usage={"prompt_tokens": 7, "completion_tokens": 3})[:-2],
]


@pytest.mark.parametrize("stream", STREAMS, ids=range(len(STREAMS)))
@given(places=places)
def test_bytes_when_the_stream_ends_well_are_the_upstreams_whatever_the_cuts(stream: bytes, places: list[int]) -> None:
    handed_on, reader = relayed(stream, places)
    assert handed_on == stream
    assert reader.failure is None


@pytest.mark.parametrize("stream", STREAMS, ids=range(len(STREAMS)))
@given(places=places)
def test_usage_and_finish_when_read_from_the_tail_are_the_same_whatever_the_cuts(stream: bytes, places: list[int]) -> None:
    _, reader = relayed(stream, places)
    assert reader.usage == Usage(prompt_tokens=7, completion_tokens=3)
    assert reader.finish_reason in ("stop", "length", "tool_calls")


def test_usage_when_told_in_every_record_is_the_last_one() -> None:
    first = a_record(usage={"prompt_tokens": 7, "completion_tokens": 1})
    _, reader = relayed(first + a_record("", "stop", usage={"prompt_tokens": 7, "completion_tokens": 2}) + DONE)
    assert reader.usage == Usage(prompt_tokens=7, completion_tokens=2)


def test_usage_when_the_client_left_is_what_was_told_so_far() -> None:
    reader = RelayTail()
    reader.feed(a_record(usage={"prompt_tokens": 7, "completion_tokens": 1}))
    assert reader.usage == Usage(prompt_tokens=7, completion_tokens=1)
    assert reader.finish_reason == ""


def test_usage_when_none_was_told_is_unknown() -> None:
    _, reader = relayed(a_record("", "stop", usage=None) + DONE)
    assert reader.usage == Usage()


def test_usage_when_the_model_writes_about_usage_is_not_taken_from_its_words() -> None:
    words = '{"usage": {"prompt_tokens": 99, "completion_tokens": 99}, "finish_reason": "stop"}\ndata: [DONE]\n'
    reader = RelayTail()
    reader.feed(a_record(words))
    assert reader.usage == Usage()
    with pytest.raises(UpstreamBroken):
        reader.close()


def test_usage_when_its_number_is_absurd_breaks_nothing() -> None:
    reader = RelayTail()
    reader.feed(b'data: {"choices":[],"usage":{"prompt_tokens":' + b"9" * 5000 + b"}}\n\n" + DONE)
    reader.close()
    assert reader.usage == Usage()


@pytest.mark.parametrize(
    "stream",
    [b"", a_record(), a_record() + b": ping\n\n", b"<html>not found</html>", a_usage()],
    ids=["empty", "text", "ping", "html", "usage"],
)
@given(places=places)
def test_stream_without_its_end_is_an_error(stream: bytes, places: list[int]) -> None:
    body = failed(stream, places)
    assert [error["type"] for error in errors_in(body)] == ["server_error"]
    assert body.endswith(DONE)


@given(place=st.integers(1, 200), places=places)
def test_stream_when_cut_in_a_record_hands_on_no_half_of_it(place: int, places: list[int]) -> None:
    first, second = a_record("hal"), a_record("lo")
    body = failed(first + second[: place % (len(second) - 2)], places)
    assert body.startswith(first)
    events = [event for event in body.split(b"\n\n") if event.strip()]
    assert all(event == b"data: [DONE]" or json.loads(event.removeprefix(b"data: ")) for event in events)
    assert len(errors_in(body)) == 1


def test_record_when_it_is_longer_than_what_is_held_is_handed_on_in_parts_and_set_apart_from_the_error() -> None:
    record = a_record("x" * 200_000)
    body = failed(record[:150_000])
    assert body.startswith(record[:65536])
    assert b"\n\ndata: {" in body
    assert errors_in(body)


def test_event_when_cut_between_its_lines_is_set_apart_from_the_error() -> None:
    body = failed(b"event: x\ndata: {}\n")
    assert body.startswith(b"event: x\ndata: {}\n\n")
    assert errors_in(body)


def test_nothing_when_held_back_is_ever_a_whole_line() -> None:
    reader = RelayTail()
    assert reader.feed(a_record("a") + b"data: {") == a_record("a")
    assert reader.feed(b"}") == b""
    assert reader.feed(b"\n") == b"data: {}\n"
    assert reader.feed(b"\ndata: 1\r") == b"\ndata: 1\r"
    assert reader.feed(b"") == b""


@pytest.mark.parametrize("end", [b"", b": bye\n\n", a_usage()])
def test_finish_when_no_done_follows_is_no_error(end: bytes) -> None:
    stream = a_record() + a_record("", "stop") + end
    handed_on, reader = relayed(stream)
    assert handed_on == stream
    assert reader.finish_reason == "stop"


def test_done_when_no_finish_came_before_is_no_error() -> None:
    _, reader = relayed(a_record() + DONE)
    assert reader.finish_reason == ""


def test_finish_of_one_choice_when_another_goes_on_is_not_the_end() -> None:
    failed(a_record("a", index=0) + a_record("", "stop", index=0) + a_record("b", index=1))
    relayed(a_record("", "stop", index=0) + a_record("b", index=1) + a_record("", "stop", index=1))


def test_finish_when_it_stands_in_a_half_record_is_not_the_end() -> None:
    record = a_record("", "stop")
    failed(a_record() + record[: record.index(b'"stop"') + 6])


def test_finish_when_far_before_the_end_is_still_seen_by_done() -> None:
    _, reader = relayed(a_record("", "stop") + a_record(LONG)[:-2] + b"\n\n" + DONE)
    assert reader.failure is None


def test_last_record_when_it_repeats_the_whole_text_is_an_end_all_the_same() -> None:
    """Perplexity: the last record holds the whole message after the finish reason, and no `[DONE]` follows."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": "x" * 9000}, "delta": {"content": ""}}
    _, reader = relayed(a_record() + b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
    assert reader.finish_reason == "stop"


@pytest.mark.parametrize("step", [100, 16_384, 1_000_000])
@pytest.mark.parametrize(
    "last", [a_record("", "stop", message={"content": LONG}), a_record("x") * 500 + a_record("", "stop")], ids=["long", "many"]
)
def test_end_when_the_stream_is_longer_than_what_is_looked_through_is_found(last: bytes, step: int) -> None:
    stream = a_record() * 100 + last
    reader = RelayTail()
    handed_on = b"".join(reader.feed(stream[at : at + step]) for at in range(0, len(stream), step))
    assert handed_on + reader.close() == stream
    assert reader.finish_reason == "stop"


@pytest.mark.parametrize("step", [100, 16_384, 1_000_000])
def test_error_when_longer_than_what_is_looked_through_is_seen(step: int) -> None:
    stream = a_record() * 100 + b'data: {"error":{"message":"boom","page":"' + b"x" * 30_000 + b'"}}\n\n' + DONE
    _, reader = relayed(stream, list(range(0, len(stream), step)))
    assert reader.failure is not None
    assert reader.failure.message == "boom"


@pytest.mark.parametrize("word", ["error: no such file", '"error": {"message": "x"}', "\nerror: {}\n", 'data: {"error": 1}'])
def test_error_in_the_models_words_is_none(word: str) -> None:
    _, reader = relayed(a_record(word) * 3 + a_record("", "stop", error=None) + DONE)
    assert reader.failure is None
    assert reader.finish_reason == "stop"


@pytest.mark.parametrize("end", [b"", DONE])
def test_error_when_told_by_the_upstream_itself_is_told_once(end: bytes) -> None:
    stream = a_record() + b'data: {"error":{"message":"boom","type":"overloaded","code":503}}\n\n' + end
    handed_on, reader = relayed(stream)
    assert handed_on == stream
    assert reader.failure is not None
    assert reader.failure.message == "boom"


def test_error_when_it_stands_beside_choices_is_the_upstreams_own() -> None:
    """OpenRouter's way."""
    _, reader = relayed(a_record("", "error", error={"code": 502, "message": "the provider failed"}) + DONE)
    assert reader.failure is not None
    assert reader.failure.message == "the provider failed"


def test_error_member_when_null_is_no_error() -> None:
    _, reader = relayed(a_record("", "stop", error=None) + DONE)
    assert reader.failure is None


@pytest.mark.parametrize(
    "told", [b'error: {"message":"boom"}\n\n', b'{"error":{"message":"boom"}}\n\n', b'{"error":"boom"}\n', b'{"error":"boom"}']
)
def test_error_when_told_so_that_no_client_hears_it_is_told_again(told: bytes) -> None:
    """Old llama.cpp and others write errors into streams without `data:`; readers of events skip such lines."""
    body = failed(a_record() + told)
    assert [error["message"] for error in errors_in(body)] == ["boom"]


def test_error_of_a_stream_when_rendered_is_openais_object_and_then_the_end() -> None:
    reader = RelayTail()
    body = reader.render_failure(UpstreamTimeout("the upstream fell silent", code="upstream_timeout"))
    error = {"message": "the upstream fell silent", "type": "server_error", "param": None, "code": "upstream_timeout"}
    assert body == b"data: " + orjson.dumps({"error": error}) + b"\n\ndata: [DONE]\n\n"


# Whole answers


def test_usage_of_a_whole_answer_when_it_follows_megabytes_of_vectors() -> None:
    body = b'{"data":[' + b"0.123," * 500_000 + b'1],"usage":{"prompt_tokens": 8,"total_tokens": 8}}'
    assert usage_of(body) == Usage(prompt_tokens=8)


def test_usage_of_a_whole_answer_when_it_stands_before_a_long_text() -> None:
    """Mistral and Perplexity name it first."""
    usage = {"prompt_tokens": 8, "completion_tokens": 9}
    body = json.dumps({"id": "1", "usage": usage, "choices": [{"message": {"content": LONG + '"usage":{"prompt_tokens":99}'}}]})
    assert usage_of(body.encode()) == Usage(prompt_tokens=8, completion_tokens=9)


@pytest.mark.parametrize("body", [b"", b"{}", b"not json", b'{"usage":null}', b'{"usage":{"prompt_tokens":-1,"completion_tokens":"2"}}'])
def test_usage_of_a_whole_answer_when_there_is_none_is_unknown(body: bytes) -> None:
    assert usage_of(body) == Usage()


# Error objects


def rendered(error: ProxyError) -> dict[str, Any]:
    body = json.loads(render_error(error))
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    inner: dict[str, Any] = body["error"]
    return inner


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest("no"), "invalid_request_error"),
        (NotFound("no"), "invalid_request_error"),
        (UpstreamBroken("no"), "server_error"),
        (UpstreamUnavailable("no"), "server_error"),
        (UpstreamTimeout("no"), "server_error"),
        (ProxyError("no"), "server_error"),
    ],
)
def test_error_when_it_is_ours_has_openais_type(error: ProxyError, kind: str) -> None:
    assert rendered(error) == {"message": "no", "type": kind, "param": None, "code": None}


def test_unknown_model_has_the_type_that_ollama_gives_it() -> None:
    error = rendered(ModelNotFound("nope"))
    assert error == {"message": "model 'nope' not found", "type": "not_found_error", "param": "model", "code": "model_not_found"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "insufficient_quota"),
        (403, "permission_error"),
        (409, "conflict"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (529, "server_error"),
    ],
)
def test_error_when_the_upstream_gives_no_type_has_that_of_its_status(status: int, kind: str) -> None:
    assert rendered(read_error(status, {}, b'{"error":{"message":"no"}}'))["type"] == kind


def test_error_when_the_account_is_empty_has_openais_type() -> None:
    own = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
    assert rendered(read_error(429, {}, json.dumps({"error": own}).encode()))["type"] == "insufficient_quota"


@pytest.mark.parametrize("code", ["string_above_max_length", 400, None])
def test_error_when_it_is_the_upstreams_keeps_its_type_param_and_code(code: object) -> None:
    own = {"message": "too long", "type": "their_type", "param": "messages[0].content", "code": code}
    error = read_error(400, {}, json.dumps({"error": own}).encode())
    assert rendered(error) == own


@pytest.mark.parametrize(
    "body",
    [b'{"error":"flat"}', b'{"detail":"flat"}', b"flat", b'{"error":{"message":"flat","type":null,"param":null,"code":null}}', b'["flat"]'],
)
def test_error_when_the_upstream_has_another_shape_becomes_openais(body: bytes) -> None:
    assert rendered(read_error(400, {}, body)) == {"message": "flat", "type": "invalid_request_error", "param": None, "code": None}


def test_reason_when_the_upstream_gave_no_code_is_told() -> None:
    own = {"message": "This model's maximum context length is 10 tokens", "type": "BadRequestError", "param": None, "code": None}
    assert rendered(read_error(400, {}, json.dumps({"error": own}).encode()))["code"] == "context_length_exceeded"


@pytest.mark.parametrize("member", ["message", "type", "param", "code"])
def test_error_when_the_upstream_echoes_a_key_shows_none(member: str) -> None:
    own = {"message": "no", "type": "x", "param": None, "code": None, member: f"Incorrect API key provided: {KEY}"}
    error = read_error(401, {}, json.dumps({"error": own}).encode())
    assert KEY.encode() not in render_error(error)
    assert KEY.encode() not in RelayTail().render_failure(error)


@pytest.mark.parametrize("member", ["message", "type", "param", "code"])
def test_error_without_an_object_of_its_own_when_it_echoes_a_key_shows_none(member: str) -> None:
    error = read_error(401, {}, json.dumps({"message": "no", member: f"key {KEY}"}).encode())
    assert KEY.encode() not in render_error(error)
    assert KEY not in f"{error.message}{error.param}{error.code}"


@pytest.mark.parametrize("value", [{"deep": KEY}, [KEY], 1.5, True])
def test_error_when_its_members_have_odd_types_shows_no_key(value: object) -> None:
    own = {"message": "no", "type": value, "param": value, "code": value}
    error = read_error(400, {}, json.dumps({"error": own}).encode())
    assert KEY.encode() not in render_error(error)
    assert rendered(error)["message"] == "no"


def test_refusal_without_a_body_is_rendered() -> None:
    assert rendered(UpstreamRefused("no", status=400))["type"] == "invalid_request_error"


def test_an_entry_of_a_model_that_is_too_deep_to_be_written_is_the_upstreams_mistake() -> None:
    card = ModelCard("x", raw={"id": "x", "about": json.loads("[" * 400 + "]" * 400)})
    with pytest.raises(UpstreamBroken, match="can't be written as JSON"):
        render_model(ListedModel("x", card, "here"))
