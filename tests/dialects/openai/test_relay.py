"""Relayed streams: what is handed on, what is read on the side, and how a stream ends that did not come to its own end."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.catalog import ListedModel, ModelCard
from proxy.canonical.completion import Usage
from proxy.dialects.openai.beginning import KEEP_ALIVE
from proxy.dialects.openai.ingress import render_model
from proxy.dialects.openai.relay import RelayTail, usage_of
from proxy.errors import ProxyError, UpstreamBroken, UpstreamTimeout
from proxy.wire.sse import SseReader

DONE = b"data: [DONE]\n\n"


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
    a_record("", "stop", usage={"prompt_tokens": 7, "completion_tokens": 3}),
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


BESIDE = {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 399, "completion_tokens_details": {"reasoning_tokens": 386}}


@pytest.mark.parametrize(
    ("usage", "completion"),
    [
        (BESIDE, 387),
        ({**BESIDE, "completion_tokens_details": None}, 387),
        ({**BESIDE, "total_tokens": 13}, 1),
        ({**BESIDE, "prompt_tokens_details": {"cached_tokens": 386}, "completion_tokens_details": None}, 1),
        ({**BESIDE, "more": {"and": {"more": {}}}}, 1),
    ],
)
def test_thoughts_that_are_counted_beside_the_answer_are_a_part_of_it_and_the_bytes_stay(usage: dict[str, Any], completion: int) -> None:
    stream = a_record("", "stop", usage=None) + a_record(usage=usage) + a_record(usage=None) + DONE
    handed_on, reader = relayed(stream)
    assert (handed_on, reader.usage) == (stream, Usage(12, completion))
    assert usage_of(json.dumps({"id": "1", "choices": [], "usage": usage}, indent=1).encode()) == Usage(12, completion)
    early, reader = a_record(usage=usage) + a_record(LONG, "stop") + DONE, RelayTail()
    assert reader.feed(early) + reader.close() == early
    assert reader.usage == Usage(12, completion)


def test_usage_that_is_begun_again_and_again_holds_nobody_up() -> None:
    began_s = time.process_time()
    assert usage_of(b'"usage":{' * 1000 + b'"prompt_tokens":1,"completion_tokens":2}') == Usage(1, 2)
    assert time.process_time() - began_s < 1


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


@pytest.mark.parametrize("missing", [1, 2])
def test_last_event_when_it_lacks_its_blank_line_gets_one(missing: int) -> None:
    """Clients act upon an event at its blank line: without one, they would see a clean end, and not why the answer stopped."""
    stream = a_record() + a_record("", "stop")
    body, reader = relayed(stream[:-missing])
    assert body.startswith(stream)
    assert not body.removeprefix(stream).strip()
    assert reader.finish_reason == "stop"


def test_half_a_record_after_the_end_is_not_handed_on() -> None:
    stream = a_record() + a_record("", "stop")
    assert relayed(stream + a_usage()[:30])[0] == stream


def test_half_a_long_record_is_no_end_though_it_says_why_it_stopped() -> None:
    record = a_record("", "stop", message={"content": "x" * 200_000})
    assert errors_in(failed(a_record() + record[:150_000]))
    assert relayed(a_record() + record + DONE, list(range(0, 200_000, 9_000)))[1].failure is None


def test_the_name_of_an_event_without_its_data_is_not_handed_on() -> None:
    body = failed(a_record() + b"event: x\n")
    assert body.startswith(a_record() + b"data: {")
    assert errors_in(body)


def test_nothing_when_held_back_is_ever_a_whole_line() -> None:
    reader = RelayTail()
    assert reader.feed(a_record("a") + b"data: {") == a_record("a")
    assert reader.feed(b"}") == b""
    assert reader.feed(b"\n") == b"data: {}\n"
    assert reader.feed(b"\ndata: 1\r") == b"\ndata: 1\r"
    assert reader.feed(b"") == b""


@pytest.mark.parametrize("stream", STREAMS, ids=range(len(STREAMS)))
@given(places=places)
def test_signs_of_life_wherever_a_silence_comes_stand_between_records(stream: bytes, places: list[int]) -> None:
    reader = RelayTail()
    body = b"".join(reader.feed(chunk) + reader.sign_of_life() for chunk in cut(stream, places)) + reader.close()
    assert body.replace(KEEP_ALIVE, b"") == stream
    expected = SseReader()
    assert [event for event in SseReader().feed(body + b"\n\n") if event.data] == [*expected.feed(stream + b"\n\n")]
    assert reader.usage == Usage(prompt_tokens=7, completion_tokens=3)


def test_sign_of_life_is_due_after_a_whole_record_alone() -> None:
    reader = RelayTail()
    told = []
    for chunk in (b"", a_record()[:-1], b"\n", b"event: x\n", b"data: {", b"}\n", b"\n", b"data: " + LONG.encode(), LONG.encode() * 2):
        reader.feed(chunk)
        told.append(reader.sign_of_life())
    assert told == [b"", b"", *[KEEP_ALIVE] * 3, b"", *[KEEP_ALIVE] * 2, b""]


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


def test_an_entry_of_a_model_that_is_too_deep_to_be_written_is_the_upstreams_mistake() -> None:
    card = ModelCard("x", raw={"id": "x", "about": json.loads("[" * 400 + "]" * 400)})
    with pytest.raises(UpstreamBroken, match="can't be written as JSON"):
        render_model(ListedModel("x", card, "here"))
