"""Streams of OpenAI-style servers: how an answer begins, and how its records are framed."""

from __future__ import annotations

import orjson
import pytest

from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartOpened, Started
from proxy.dialects.openai.reading import stream_reader
from proxy.errors import UpstreamBroken
from tests.dialects.openai.records import DONE, a_route, a_stream, error_of, finish_of, ids, read, read_whole, record, said, sse, text

# Heads


def test_a_plain_stream_becomes_events() -> None:
    stream = sse(record({"role": "assistant", "content": ""}), text("He"), text("llo"), record({}, "stop"), DONE)
    assert read(stream) == [
        Started("r1", "m", 7),
        *(PartOpened("text"), PartDelta("He"), PartDelta("llo"), PartClosed()),
        Finished("stop", "stop"),
    ]


def test_the_answer_begins_with_its_first_word() -> None:
    reader = stream_reader(a_route(), ids())
    assert reader.feed(sse(record({"role": "assistant", "content": ""}))) == [], "an error may still come, and get a status"
    assert reader.feed(sse(text("a"))) == [Started("r1", "m", 7), PartOpened("text"), PartDelta("a")]


def test_azure_begins_with_a_record_without_id_and_choices() -> None:
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]}
    assert read(a_stream(first, text("a")))[0] == Started("r1", "m", 7)


def test_azure_sends_choices_without_delta() -> None:
    offsets = {**record(), "choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 44}}]}
    assert said(read(a_stream(text("a"), offsets, text("b")))) == [("text", "ab")]


def test_an_answer_without_id_gets_one() -> None:
    events = read(a_stream({"choices": [{"delta": {"content": "a"}}]}, finish=None).replace(b'"id":"r1",', b""))
    assert isinstance(events[0], Started)
    assert events[0].id == "chatcmpl-new1"


def test_a_float_and_a_later_id_are_no_trouble() -> None:
    events = read(a_stream({**text("a"), "created": 7.9, "id": None}, {**text("b"), "id": "late"}))
    assert events[0] == Started("chatcmpl-new1", "m", 7)


@pytest.mark.parametrize(
    "choices", [[{"index": 1, "delta": {"content": "x"}}], [{"index": 1, "delta": {"content": "x"}, "finish_reason": "length"}]]
)
def test_only_the_first_choice_is_read(choices: list[object]) -> None:
    events = read(a_stream(text("a"), {**record(), "choices": choices}, {**text("b"), "choices": [*choices, *text("b")["choices"]]}))
    assert (said(events), finish_of(events).finish_reason) == ([("text", "ab")], "stop")


@pytest.mark.parametrize(("told", "created"), [("7", 7), (7.5, 7), (2**64 - 1, 0), (1e300, 0), (-1, 0), (True, 0), ({}, 0)])
def test_a_time_that_cannot_be_is_not_known(told: object, created: int) -> None:
    assert read(a_stream({**text("a"), "created": told}))[0] == Started("r1", "m", created)
    body = {"id": "r1", "created": told, "model": "m", "usage": {"prompt_tokens": 1}}
    assert read_whole({**body, "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]})[0] == Started("r1", "m", created)


# Framing


def test_comments_give_no_events() -> None:
    reader = stream_reader(a_route(), ids())
    assert reader.feed(b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n") == []
    assert said(reader.feed(a_stream(text("a")))) == [("text", "a")]


def test_done_is_known_without_a_space_and_with_one_too_many() -> None:
    for terminator in (b"data:[DONE]\n\n", b"data: [DONE] \n\n", b"data: [DONE]"):
        assert finish_of(read(sse(text("a")) + terminator)).finish_reason == "stop"


def test_what_comes_after_the_terminator_is_ignored() -> None:
    assert said(read(sse(text("a"), DONE, text("b"), {"error": "late"}))) == [("text", "a")]


def test_a_byte_order_mark_and_other_fields_do_no_harm() -> None:
    assert said(read(b"\xef\xbb\xbfid: 1\nretry: 5\n" + a_stream(text("a")))) == [("text", "a")]


def test_a_record_may_have_several_data_lines() -> None:
    assert said(read(b'data: {"choices":[{"delta":\ndata: {"content":"a"}}]}\n\n' + DONE)) == [("text", "a")]


def test_named_events_with_answers_are_read_and_others_are_not_ours() -> None:
    named = b"event: completion\n" + sse(text("a")) + b'event: ping\ndata: {"type":"ping"}\n\n' + sse({"type": "ping"})
    assert said(read(named + a_stream())) == [("text", "a")]


def test_a_record_with_a_head_only_and_an_empty_one_do_no_harm() -> None:
    assert said(read(a_stream(text("a"), {"id": "r1", "object": "chat.completion.chunk"}, b"data:\n\ndata: \n\n", text("b")))) == [
        ("text", "ab")
    ]


@pytest.mark.parametrize("odd", [{"hello": 1}, [], 7, None, "x", {"type": "message_start"}, {"choices": None, "id": "r1"}])
def test_records_that_are_no_part_of_an_answer_break_it(odd: object) -> None:
    events = read(a_stream(text("a"), odd, text("b")))
    if isinstance(odd, dict) and "choices" in odd:
        assert said(events) == [("text", "ab")]
    else:
        assert "no part of an answer" in error_of(events).message


def test_a_record_that_is_no_json_breaks_the_answer_and_is_quoted_without_secrets() -> None:
    error = error_of(read(a_stream(text("a"), b"data: upstream key sk-secret123456 timed out\n\n")))
    assert isinstance(error, UpstreamBroken)
    assert error.message == "the upstream sent an event that is no JSON: upstream key [key] timed out"


def test_numbers_that_json_does_not_know_and_broken_bytes_are_read() -> None:
    odd = b'data: {"choices":[{"delta":{"content":"a\xff"},"logprobs":{"content":[{"token":"a","logprob":-Infinity}]}}]}\n\n'
    big = b'data: {"choices":[{"delta":{"content":"b"},"x":NaN,"y":123456789012345678901234567890,"z":1e999}]}\n\n'
    events = read(a_stream(odd, big))
    assert said(events) == [("text", "a\ufffdb")]
    orjson.dumps([event.logprobs for event in events if isinstance(event, PartDelta)])


def test_halves_of_a_character_are_joined_over_records() -> None:
    halves = [b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % half for half in (rb"a\ud83d", rb"\ude00b", rb"\ude00")]
    assert said(read(a_stream(*halves))) == [("text", "a\U0001f600b\ufffd")]


def test_json_that_is_nested_too_deeply_is_an_error_and_no_crash() -> None:
    assert isinstance(error_of(read(sse(text("a"), b"data: " + b"[" * 100_000 + b"\n\n"))), UpstreamBroken)


def test_an_endless_record_is_an_error() -> None:
    reader = stream_reader(a_route(), ids())
    reader.feed(sse(text("a")) + b"data: ")
    events: list[ChatEvent] = []
    for _ in range(20):
        events += reader.feed(b"x" * 1_000_000)
    assert "more than" in error_of(events).message
