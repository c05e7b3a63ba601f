"""Answers of Anthropic upstreams, event by event."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from anthropic.types import Message as SdkMessage
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from proxy.canonical.completion import Usage
from proxy.canonical.events import Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.fold import collect
from proxy.canonical.request import ReasoningPart, RefusalPart, TextPart, ToolCallPart
from proxy.dialects.anthropic.egress import stream_reader
from proxy.errors import UpstreamBroken, UpstreamRefused
from tests.canonical.streams import texts_of
from tests.dialects.anthropic.asking import to
from tests.dialects.anthropic.streamed import (
    PING,
    STOP,
    a_message,
    a_stream,
    delta,
    failure,
    ids,
    message_delta,
    message_start,
    read,
    read_whole,
    sse,
    start,
    stop,
    text,
    thinking,
    tool_use,
)

FIRST_USAGE = Usage(115, 1, 100, 5)
USAGE = Usage(115, 7, 100, 5)


def test_the_records_are_those_of_the_vendor() -> None:
    """A judge of what is tested here: the SDK reads our records."""
    records = [message_start(), *thinking(0, "s", "a"), *text(1, "b"), *tool_use(2, "c", "f", "{}"), message_delta(), STOP]
    for record in records:
        TypeAdapter(RawMessageStreamEvent).validate_python(record)
    SdkMessage.model_validate(a_message({"type": "text", "text": "a"}, {"type": "tool_use", "id": "c", "name": "f", "input": {}}))


def test_a_text_is_told_as_it_comes() -> None:
    assert read(a_stream(text(0, "He", "llo"))) == [
        Started("msg_1", "claude"),
        UsageSeen(FIRST_USAGE),
        PartOpened("text"),
        PartDelta("He"),
        PartDelta("llo"),
        PartClosed(),
        UsageSeen(USAGE),
        Finished("stop", "end_turn"),
    ]


def test_events_come_with_the_chunk_that_completes_them() -> None:
    reader = stream_reader(to("anthropic"), ids())
    assert reader.feed(sse(message_start(), start(0, "text", text=""))) == [
        Started("msg_1", "claude"),
        UsageSeen(FIRST_USAGE),
        PartOpened("text"),
    ]
    assert reader.feed(sse(delta(0, "text", "北"))) == [PartDelta("北")]
    assert reader.feed(b"") == [KeepAlive()]
    assert reader.feed(sse(PING)) == []


def test_thoughts_keep_their_signature() -> None:
    events = read(a_stream(thinking(0, "sig==", "h", "m"), text(1, "a")))
    assert collect(events).parts == (ReasoningPart("hm", "sig==", "anthropic"), TextPart("a"))


def test_thoughts_that_are_not_shown_keep_their_signature() -> None:
    redacted = [start(1, "redacted_thinking", data="secret"), stop(1)]
    assert collect(read(a_stream(thinking(0, "sig=="), redacted, text(2, "a")))).parts == (
        ReasoningPart("", "sig==", "anthropic"),
        ReasoningPart("", "secret", "anthropic", redacted=True),
        TextPart("a"),
    )


def test_thoughts_without_a_signature_have_no_origin() -> None:
    assert collect(read(a_stream(thinking(0, "", "hm"), text(1, "a")))).parts[0] == ReasoningPart("hm")


def test_five_parts_stay_five_parts_in_their_order() -> None:
    events = read(a_stream(thinking(0, "1", "a"), text(1, "b"), thinking(2, "2", "c"), tool_use(3, "t", "f", "{}"), text(4, "d")))
    assert texts_of(events) == [("reasoning", "a"), ("text", "b"), ("reasoning", "c"), ("tool_call", "{}"), ("text", "d")]


# Calls


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (tool_use(0, "t", "f", "", '{"a"', ":1}"), '{"a":1}'),
        (tool_use(0, "t", "f"), "{}"),
        (tool_use(0, "t", "f", ""), "{}"),
        (tool_use(0, "t", "f", given={"a": 1}), '{"a":1}'),
        (tool_use(0, "t", "f", '{"b":2}', given={"a": 1}), '{"b":2}'),
        (tool_use(0, "t", "f", given='{"a":1}'), '{"a":1}'),
    ],
)
def test_calls_have_their_arguments(call: list[dict[str, Any]], arguments: str) -> None:
    completion = collect(read(a_stream(call, reason="tool_use")))
    assert completion.parts == (ToolCallPart("t", "f", arguments),)
    assert completion.finish_reason == "tool_calls"


def test_fragments_of_arguments_are_told_as_they_come() -> None:
    events = read(a_stream(tool_use(0, "t", "f", '{"a"', ":1}"), reason="tool_use"))
    assert events[2:6] == [PartOpened("tool_call", "t", "f"), PartDelta('{"a"'), PartDelta(":1}"), PartClosed()]


def test_calls_have_ids_that_differ_and_names_that_the_client_knows() -> None:
    calls = tool_use(0, "t", "answer_in_json__", "{}"), tool_use(1, "t", "f", "{}"), tool_use(2, "", "g")
    parts = collect(read(a_stream(*calls, reason="tool_use"))).parts
    assert parts == (
        ToolCallPart("t", "answer_in_json_", "{}"),
        ToolCallPart("toolu_new1", "f", "{}"),
        ToolCallPart("toolu_new2", "g", "{}"),
    )


def test_a_call_that_was_cut_off_before_its_arguments_is_none() -> None:
    completion = collect(read(a_stream(text(0, "a"), tool_use(1, "t", "f"), reason="max_tokens")))
    assert completion.parts == (TextPart("a"),)
    assert completion.finish_reason == "length"
    completion = collect(read(a_stream(tool_use(0, "t", "f"), tool_use(1, "u", "g", '{"x":'), reason="max_tokens")))
    assert completion.parts == (ToolCallPart("t", "f", "{}"), ToolCallPart("u", "g", '{"x":'))


def test_a_call_without_a_name_is_broken() -> None:
    assert "without a name" in failure(read(a_stream(tool_use(0, "t", "")))).message


def test_an_answer_in_a_certain_form_is_a_text() -> None:
    completion = collect(read(a_stream(tool_use(0, "t", "answer_in_json_", '{"a"', ":1}"), reason="tool_use")))
    assert completion.parts == (TextPart('{"a":1}'),)
    assert completion.finish_reason == "stop"


def test_what_servers_own_tools_do_is_not_told() -> None:
    own = [start(1, "server_tool_use", id="s", name="web_search", input={}), delta(1, "input_json", '{"q":1}'), stop(1)]
    found = [start(2, "web_search_tool_result", tool_use_id="s", content=[{"type": "web_search_result"}]), stop(2)]
    cited = [
        start(3, "text", text="", citations=[]),
        {"type": "content_block_delta", "index": 3, "delta": {"type": "citations_delta", "citation": {}}},
        delta(3, "text", "b"),
        stop(3),
    ]
    completion = collect(read(a_stream(text(0, "a"), own, found, cited)))
    assert completion.parts == (TextPart("a"), TextPart("b"))
    assert completion.finish_reason == "stop"


# Ends


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "stop"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("max_something", "length"),
        ("safety_stop", "content_filter"),
        ("whatever", "stop"),
    ],
)
def test_reasons_are_told_in_our_words(reason: str, finish: str) -> None:
    assert read(a_stream(text(0, "a"), reason=reason))[-1] == Finished(finish, reason)  # type: ignore[arg-type]


def test_the_stop_sequence_is_told() -> None:
    assert read(a_stream(text(0, "a"), reason="stop_sequence", matched="END"))[-1] == Finished("stop", "stop_sequence", "END")


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence", "tool_use"])
def test_calls_end_in_calls(reason: str) -> None:
    assert read(a_stream(tool_use(0, "t", "f", "{}"), reason=reason))[-1] == Finished("tool_calls", reason)


def test_a_refusal_without_words_says_why() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "Not this."}
    completion = collect(read(a_stream(reason="refusal", stop_details=details)))
    assert completion.parts == (RefusalPart("Not this."),)
    assert completion.finish_reason == "content_filter"
    assert collect(read(a_stream(text(0, "a"), reason="refusal", stop_details=details))).parts == (TextPart("a"),)


@pytest.mark.parametrize("rest", [[], [message_delta(None)]])
def test_a_last_record_without_a_reason_is_an_end(rest: list[object]) -> None:
    assert read(sse(message_start(), *text(0, "a"), *rest, STOP))[-1] == Finished("stop", "")


def test_a_reason_without_a_last_record_is_an_end() -> None:
    stream = sse(message_start(), *text(0, "a"), message_delta())
    assert read(stream)[-1] == Finished("stop", "end_turn")
    assert read(stream, b"") == read(stream)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\n\n",
        sse(STOP),
        sse(message_start()),
        sse(message_start(), *text(0, "a")),
        sse(message_start(), start(0, "text", text=""), delta(0, "text", "hal")),
        sse(message_start(), *text(0, "a"), b'event: message_delta\ndata: {"type":"message_d'),
    ],
)
def test_a_stream_that_breaks_off_is_broken(stream: bytes) -> None:
    events = read(*([stream] if stream else []))
    assert isinstance(failure(events), UpstreamBroken)


def test_a_last_record_without_its_blank_line_is_read() -> None:
    assert isinstance(read(a_stream(text(0, "a")).rstrip())[-1], Finished)


# Usage


def test_counts_come_together_and_never_become_nothing() -> None:
    later = {"input_tokens": 0, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}, "cache_read_input_tokens": None}
    events = read(sse(message_start(), *text(0, "a"), {**message_delta(), "usage": later}, STOP))
    assert collect(events).usage == Usage(115, 9, 100, 5, 4)


def test_counts_may_all_come_at_the_end() -> None:
    later = {"input_tokens": 3, "output_tokens": 9}
    events = read(sse(message_start(usage=None), *text(0, "a"), {**message_delta(), "usage": later}, STOP))
    assert collect(events).usage == Usage(3, 9)


@pytest.mark.parametrize("usage", [None, [], {}, {"input_tokens": "many", "output_tokens": -1}])
def test_unknown_counts_stay_unknown(usage: object) -> None:
    events = read(sse(message_start(usage=usage), *text(0, "a"), {**message_delta(), "usage": usage}, STOP))
    assert collect(events).usage == Usage()


# Errors


def test_an_error_in_the_stream_ends_it() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    broke = failure(read(sse(message_start(), start(0, "text", text=""), delta(0, "text", "a"), error)))
    assert isinstance(broke, UpstreamRefused)
    assert (broke.status, broke.upstream_status, broke.message) == (503, 200, "Overloaded")


@pytest.mark.parametrize(
    "stream",
    [
        b'data: {"error":{"message":"boom"}}\n\n',
        b'data: {"type":"error","error":"boom"}\n\n',
        b"event: error\ndata: boom\n\n",
        b'event: error\ndata: {"message":"boom"}\n\n',
        b'error: {"message":"boom"}\n\n',
        b'{"type":"error","error":{"type":"api_error","message":"boom"}}',
        b'{"error":{"message":"boom","code":500}}',
        b'{"type":"error","error":"boom"}',
    ],
)
def test_errors_in_any_shape_are_told(stream: bytes) -> None:
    for events in (read(stream), read_whole(stream)):
        assert isinstance(failure(events), UpstreamRefused)
        assert "boom" in failure(events).message


@pytest.mark.parametrize(
    "last", [b"event: error\ndata: boom", b"error: boom\n", b'data: {"type":"mess\n{"error":"boom"}', b"event: error\ndata: [111] boom\n"]
)
def test_errors_at_the_very_end_are_told(last: bytes) -> None:
    broke = failure(read(sse(message_start(), *text(0, "a")) + last))
    assert isinstance(broke, UpstreamRefused)
    assert broke.message in ("boom", "[111] boom")


HALF_ERRORS = [
    b'event: error\ndata: {"type": "error", "error": {"message": "Over',
    b"event: error\ndata: {",
    b'error: {"mess',
    b"event: error\ndata: [",
    b'error: "Over',
]


@pytest.mark.parametrize("last", HALF_ERRORS)
def test_half_an_error_says_nothing(last: bytes) -> None:
    broke = failure(read(sse(message_start(), *text(0, "a")) + last))
    assert isinstance(broke, UpstreamBroken)
    assert broke.message == "the upstream's answer ended before it was complete"


@pytest.mark.parametrize("last", HALF_ERRORS)
def test_half_an_error_takes_nothing_from_an_answer_that_was_complete(last: bytes) -> None:
    events = read(sse(message_start(), *text(0, "a"), message_delta("end_turn")) + last)
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize(
    "stream",
    [
        b"data: 3\n\n",
        b"data: {}\n\n",
        b"data: nonsense\n\n",
        b"<!doctype html><title>no</title>",
        b"[1]",
        b'{"choices":[]}',
        b'{"type":"message","content":null}',
        sse(message_start(), delta(0, "input_json", "{}")),
        sse(message_start(), *text(0, "a"), delta(0, "text", "b")),
        sse(message_start(), start(0, "text", text=""), start(1, "text", text=""), delta(0, "text", "b")),
    ],
)
def test_what_is_no_answer_is_broken(stream: bytes) -> None:
    assert isinstance(failure(read(stream)), UpstreamBroken)


# Servers of other makers


def test_blocks_that_were_not_begun_or_ended_are() -> None:
    events = read(sse(delta(0, "thinking", "a"), delta(1, "text", "b"), start(2, "text", text="c"), message_delta(), STOP))
    assert events[0] == Started("msg_new1")
    assert texts_of(events) == [("reasoning", "a"), ("text", "b"), ("text", "c")]


def test_records_without_an_index_go_on_with_the_open_block() -> None:
    record = delta(0, "text", "b")
    del record["index"]
    assert collect(read(sse(message_start(), start(0, "text", text="a"), record, message_delta(), STOP))).parts == (TextPart("ab"),)


def test_records_without_an_index_go_on_with_nothing_where_no_block_is_open() -> None:
    record = delta(0, "text", "b")
    del record["index"]
    assert isinstance(failure(read(sse(message_start(), record))), UpstreamBroken)


def test_what_follows_the_end_is_not_read() -> None:
    stream = a_stream(text(0, "a")) + sse({"type": "error", "error": {"message": "boom"}})
    assert isinstance(read(stream)[-1], Finished)


def test_whole_answers_have_a_limit() -> None:
    reader = stream_reader(to("anthropic"), ids())
    reader.feed(b"{")
    events = [event for _ in range(18) for event in reader.feed(b" " * 1024 * 1024)]
    assert isinstance(failure(events), UpstreamBroken)


def test_names_of_events_and_unknown_records_do_not_matter() -> None:
    stream = a_stream(text(0, "a")).replace(b"event: ", b"id: ") + b"data: [DONE]\n\n"
    news = sse({"type": "news", "what": 1}) + b": comment\n\n"
    assert collect(read(news + stream)).parts == (TextPart("a"),)


def test_records_may_say_what_they_are_by_the_name_of_their_event() -> None:
    stream = b"".join(
        b"event: %b\ndata: %b\n\n" % (record["type"].encode(), orjson.dumps({key: value for key, value in record.items() if key != "type"}))
        for record in (message_start(), *text(0, "a"), message_delta(), STOP)
    )
    assert collect(read(stream)).parts == (TextPart("a"),)


def test_halves_of_characters_become_one_or_none() -> None:
    stream = a_stream(text(0, "AB")).replace(b'"AB"', b'"\\ud83d"', 1)
    assert isinstance(read(stream)[-1], Finished | Failed)


# Whole answers


def test_a_whole_answer_is_read() -> None:
    message = a_message(
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"big": 1.5}},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "tool_use", "id": "u", "name": "g", "input": {}},
        reason="tool_use",
    )
    completion = collect(read_whole(message))
    assert completion.parts == (
        ReasoningPart("hm", "sig", "anthropic"),
        ReasoningPart("", "d", "anthropic", redacted=True),
        TextPart("a"),
        ToolCallPart("t", "f", '{"big":1.5}'),
        ToolCallPart("u", "g", "{}"),
    )
    assert (completion.finish_reason, completion.usage, completion.id) == ("tool_calls", USAGE, "msg_1")


def test_long_integers_in_whole_answers_stay_what_they_are() -> None:
    body = orjson.dumps(a_message({"type": "tool_use", "id": "t", "name": "f", "input": {"id": 0}}, reason="tool_use"))
    big = 2**100
    (call,) = collect(read_whole(body.replace(b'{"id":0}', b'{"id":%d}' % big))).parts
    assert isinstance(call, ToolCallPart)
    assert call.arguments == f'{{"id":{big}}}'


def test_long_integers_that_come_with_a_call_in_a_stream_stay_what_they_are() -> None:
    given = {"type": "tool_use", "id": "t", "name": "f", "input": {"id": 0}}
    records = [
        message_start(),
        {"type": "content_block_start", "index": 0, "content_block": given},
        stop(0),
        message_delta("tool_use"),
        STOP,
    ]
    big = 2**100
    (call,) = collect(read(sse(*records).replace(b'{"id":0}', b'{"id":%d}' % big))).parts
    assert isinstance(call, ToolCallPart)
    assert call.arguments == f'{{"id":{big}}}'


def test_a_whole_answer_that_was_cut_is_broken() -> None:
    body = orjson.dumps(a_message({"type": "text", "text": "a"}))
    assert isinstance(failure(read_whole(body[:-9])), UpstreamBroken)


def test_a_whole_answer_in_a_stream_is_read() -> None:
    assert collect(read(sse(a_message({"type": "text", "text": "a"})))).parts == (TextPart("a"),)
