from __future__ import annotations

import time
from typing import Any

import pytest

from proxy.canonical.events import ChatEvent, PartClosed, PartDelta, PartOpened
from proxy.dialects.openai.reading import stream_reader
from proxy.errors import UpstreamBroken
from tests.dialects.openai.records import DONE, a_route, a_stream, call, error_of, finish_of, ids, read, read_whole, record, said, sse, text

X, Y = '{"x":1}', '{"y":2}'


def calls_of(*records: object, finish: str | None = "tool_calls") -> list[tuple[str, ...]]:
    return said(read(a_stream(*records, finish=finish)))


def test_a_call_comes_in_fragments() -> None:
    events = read(a_stream(call(0, "a", "f", ""), call(0, arguments='{"x"'), call(0, arguments=":1}"), finish="tool_calls"))
    assert events[1:-1] == [PartOpened("tool_call", "a", "f"), PartDelta('{"x"'), PartDelta(":1}"), PartClosed()]
    assert finish_of(events).finish_reason == "tool_calls"


def test_calls_may_follow_each_other() -> None:
    assert calls_of(call(0, "a", "f"), call(0, arguments=X), call(1, "b", "g"), call(1, arguments=Y)) == [("a", "f", X), ("b", "g", Y)]


def test_a_call_is_told_as_soon_as_the_one_before_is_complete() -> None:
    reader = stream_reader(a_route(), ids())
    reader.feed(sse(call(0, "a", "f", X)))
    assert reader.feed(sse(call(1, "b", "g", '{"y"'))) == [PartClosed(), PartOpened("tool_call", "b", "g"), PartDelta('{"y"')]


def test_interleaved_calls_come_one_after_the_other() -> None:
    stream = [
        call(0, "a", "f", '{"x"'),
        call(1, "b", "g", '{"y"'),
        call(0, arguments=":1}"),
        call(1, arguments=":2}"),
        call(2, "c", "h", "{}"),
    ]
    assert calls_of(*stream) == [("a", "f", X), ("b", "g", Y), ("c", "h", "{}")]


def test_the_first_of_interleaved_calls_is_told_while_it_comes() -> None:
    reader = stream_reader(a_route(), ids())
    reader.feed(sse(call(0, "a", "f", '{"x"')))
    assert reader.feed(sse(call(1, "b", "g", Y))) == []
    assert reader.feed(sse(call(0, arguments=":"))) == [PartDelta(":")]
    assert reader.feed(sse(call(0, arguments="1}"))) == [PartDelta("1}"), PartClosed(), PartOpened("tool_call", "b", "g"), PartDelta(Y)]


def test_two_calls_in_one_record_are_two() -> None:
    entries = [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": X}},
        {"index": 1, "id": "b", "function": {"name": "g", "arguments": Y}},
    ]
    assert calls_of(record({"tool_calls": entries})) == [("a", "f", X), ("b", "g", Y)]


def test_calls_under_one_index_are_told_apart_by_their_ids() -> None:
    assert calls_of(call(0, "a", "f", X), call(0, "b", "f", Y)) == [("a", "f", X), ("b", "f", Y)]


def test_calls_under_one_index_are_told_apart_by_their_names() -> None:
    assert calls_of(call(0, None, "f", X), call(0, None, "g", Y)) == [("call_new1", "f", X), ("call_new2", "g", Y)]
    assert calls_of(call(0, None, "f", X), call(0, None, "f", Y)) == [("call_new1", "f", X), ("call_new2", "f", Y)]


def test_fragments_under_one_index_with_their_ids_may_interleave() -> None:
    stream = [call(0, "a", "f", '{"x"'), call(0, "b", "g", '{"y"'), call(0, "a", None, ":1}"), call(0, "b", None, ":2}")]
    assert calls_of(*stream) == [("a", "f", X), ("b", "g", Y)]


def test_an_id_that_comes_later_is_the_calls_own() -> None:
    assert calls_of(call(0, None, "f"), call(0, "a", None, '{"x"'), call(0, "a", "f", ":1}")) == [("a", "f", X)]


def test_repeated_ids_and_names_are_no_new_calls() -> None:
    assert calls_of(call(0, "a", "f", '{"x"'), call(0, "a", "f", ":1"), call(0, "a", "f", "}")) == [("a", "f", X)]


def test_a_call_that_is_sent_once_more_as_a_whole_is_one() -> None:
    assert calls_of(call(0, "a", "f", '{"x"'), call(0, arguments=":1}"), call(0, "a", "f", X)) == [("a", "f", X)]


@pytest.mark.parametrize("records", [[call(0, "a", "f", X), call(0, "a", "f", Y)], [call(0, "a", "f", X), call(0, arguments=Y)]])
def test_a_second_call_that_cannot_be_told_apart_is_an_error(records: list[object]) -> None:
    error = error_of(read(a_stream(*records)))
    assert isinstance(error, UpstreamBroken)
    assert "second tool call" in error.message


def test_calls_without_index_are_told_apart_by_their_ids() -> None:
    assert calls_of(call(None, "a", "f", X), call(None, "b", "f", Y)) == [("a", "f", X), ("b", "f", Y)]
    assert calls_of(call(None, "a", "f", '{"x"'), call(None, None, None, ":1}"), call(None, "b", "f", Y)) == [("a", "f", X), ("b", "f", Y)]


def test_calls_without_index_and_id_are_told_apart_by_whole_arguments() -> None:
    assert calls_of(call(None, None, "f", X), call(None, None, "f", Y)) == [("call_new1", "f", X), ("call_new2", "f", Y)]


def test_an_index_may_start_anywhere_and_be_no_number() -> None:
    assert calls_of(call(1, "a", "f", X), call(7, "b", "g", Y)) == [("a", "f", X), ("b", "g", Y)]
    assert calls_of(record({"tool_calls": [{"index": "0", "id": "a", "function": {"name": "f", "arguments": X}}]})) == [("a", "f", X)]


@pytest.mark.parametrize(("arguments", "expected"), [({"x": 1}, X), (None, "{}"), ("", "{}"), ("  ", "  {}"), ([1], "[1]"), (X, X)])
def test_arguments_come_in_many_shapes(arguments: object, expected: str) -> None:
    assert calls_of(call(0, "a", "f", arguments)) == [("a", "f", expected)]
    null = record({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": arguments}}]})
    assert calls_of(null) == [("a", "f", expected)]


def test_ids_are_unique_within_a_turn() -> None:
    assert calls_of(call(0, "a", "f", X), call(1, "a", "g", Y)) == [("a", "f", X), ("call_new1", "g", Y)]
    assert calls_of(call(0, None, "f", X)) == [("call_new1", "f", X)]


def test_the_id_that_tgi_gives_every_call_is_replaced() -> None:
    assert calls_of(call(0, "0", "f", X)) == [("call_new1", "f", X)]


@pytest.mark.parametrize("names", [["get_", "weather"], ["get_weather", "get_weather"], ["get", "get_weather"], ["get_weather", ""]])
def test_names_may_come_in_fragments(names: list[str]) -> None:
    assert calls_of(*(call(0, None, name) for name in names), call(0, arguments=X)) == [("call_new1", "get_weather", X)]


def test_a_name_may_come_after_the_arguments() -> None:
    assert calls_of(call(0, "a", None, X), call(0, "a", "f")) == [("a", "f", X)]


def test_id_and_name_may_both_come_after_the_arguments() -> None:
    assert calls_of(call(0, None, None, '{"x":1'), call(0, arguments="}"), call(0, None, "f"), call(0, "a")) == [("call_new1", "f", X)]
    assert calls_of(call(0, None, "f", X), call(0, "a", "f", "")) == [("call_new1", "f", X)]


def test_a_new_name_alone_begins_a_new_call_after_whole_arguments() -> None:
    assert calls_of(call(0, "a", "f", X), call(0, None, "g"), call(0, arguments=Y)) == [("a", "f", X), ("call_new1", "g", Y)]


def test_entries_that_say_nothing_are_no_calls() -> None:
    nothing = record({"content": "a", "tool_calls": [{}, {"index": 0, "function": {"name": None, "arguments": ""}}, None]})
    assert said(read(a_stream(nothing, text("b")))) == [("text", "ab")]


def test_a_call_with_neither_name_nor_arguments_is_dropped() -> None:
    events = read(a_stream(text("a"), call(0, "a"), finish="tool_calls"))
    assert (said(events), finish_of(events).finish_reason) == ([("text", "a")], "stop")


def test_a_call_with_arguments_and_no_name_is_an_error() -> None:
    assert error_of(read(a_stream(call(0, "a", None, X)))).message == "the upstream sent a tool call without a name"


def test_arguments_after_a_closed_call_are_an_error() -> None:
    stream = a_stream(call(0, "a", "f", X), call(1, "b", "g", Y), call(0, arguments=" "), call(0, arguments=', "z":1}'))
    assert "more arguments" in error_of(read(stream)).message


def test_a_legacy_function_call_is_a_call() -> None:
    fragments = [{"name": "f", "arguments": ""}, {"arguments": '{"x"'}, {"arguments": ":1}"}]
    events = read(a_stream(*(record({"function_call": fragment}) for fragment in fragments), finish="function_call"))
    assert (said(events), finish_of(events).finish_reason) == ([("call_new1", "f", X)], "tool_calls")


def test_long_arguments_are_read_in_linear_time_whatever_is_repeated_with_them() -> None:
    fragments = 20_000
    stream = sse(call(0, None, "f", '{"x":"'), *[call(0, None, "f", "{}" * 20)] * fragments, call(0, arguments='"}'))
    began = time.process_time()
    assert len(said(read(stream + a_stream(finish="tool_calls")))[0][2]) == 40 * fragments + 8
    assert time.process_time() - began < 5, "a quadratic reader takes a minute"


# Calls among other parts


def test_parts_come_in_the_order_in_which_they_began() -> None:
    stream = [record({"reasoning": "a"}), text("b"), record({"reasoning": "c"}), call(0, "a", "f", X), text("d")]
    assert calls_of(*stream) == [("reasoning", "a"), ("text", "b"), ("reasoning", "c"), ("a", "f", X), ("text", "d")]


def test_text_between_the_fragments_of_a_call_waits() -> None:
    assert calls_of(call(0, "a", "f", '{"x"'), text("b"), call(0, arguments=":1}"), text("c")) == [("a", "f", X), ("text", "bc")]


def test_text_of_the_record_that_begins_a_call_comes_first() -> None:
    both = record({"content": "a", "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": X}}]})
    assert calls_of(both, text("b"), both) == [("text", "a"), ("a", "f", X), ("text", "ba")]


def test_text_after_a_call_that_began_in_the_same_record_is_not_taken_for_its_part() -> None:
    both = record({"content": "a", "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}]})
    assert calls_of(text("0"), both, text("b"), call(0, arguments=":1}")) == [("text", "0a"), ("a", "f", X), ("text", "b")]


# Ends


@pytest.mark.parametrize(
    ("word", "reason"), [("stop", "tool_calls"), (None, "tool_calls"), ("tool_calls", "tool_calls"), ("length", "length")]
)
def test_calls_make_the_reason_tool_calls(word: str | None, reason: str) -> None:
    assert finish_of(read(a_stream(call(0, "a", "f", X), finish=word))).finish_reason == reason


def test_a_call_that_was_cut_off_is_told_as_it_is() -> None:
    events = read(a_stream(call(0, "a", "f", '{"x":'), finish="length"))
    assert (said(events), finish_of(events).finish_reason) == ([("a", "f", '{"x":')], "length")


def test_a_call_that_was_cut_off_before_its_arguments_is_not_made_one_without_any() -> None:
    assert calls_of(call(0, "a", "f"), call(1, "b", "g"), finish="length") == [("a", "f", "{}")]


HEADER = {"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}
SIGNED = HEADER | {"extra_content": {"google": {"thought_signature": "U0lH"}}}
HIDDEN = record({"reasoning_details": [{"type": "reasoning.encrypted", "data": "RU5D", "index": 0}]})


@pytest.mark.parametrize("finish", ["length", "content_filter"])
@pytest.mark.parametrize(
    "records",
    [
        pytest.param([record({"tool_calls": [SIGNED]})], id="signed"),
        pytest.param([record({"tool_calls": [HEADER]}), HIDDEN], id="with details behind it"),
        pytest.param([call(0, "a", "f", " "), call(0, arguments="\n")], id="blank"),
    ],
)
def test_what_comes_beside_a_call_that_was_cut_off_before_its_arguments_makes_it_none(records: list[object], finish: str) -> None:
    events = read(a_stream(*records, finish=finish))
    assert [part for part in said(events) if len(part) == 3] == []
    assert finish_of(events).finish_reason == finish
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": [SIGNED]}, "finish_reason": finish}]}
    assert said(read_whole(whole)) == []


def test_state_behind_a_call_that_was_cut_off_is_kept() -> None:
    events = read(a_stream(call(0, "a", "f", '{"x'), HIDDEN, finish="length"))
    assert said(events) == [("a", "f", '{"x'), ("reasoning", "")]
    assert [bool(event.opaque) for event in events if isinstance(event, PartClosed)] == [False, True]


def test_a_call_without_arguments_that_the_model_came_to_the_end_of_is_one() -> None:
    events = read(a_stream(record({"tool_calls": [SIGNED]}), HIDDEN, finish="tool_calls"))
    assert said(events)[0] == ("a", "f", "{}")
    assert [bool(event.opaque) for event in events if isinstance(event, PartClosed)] == [True, True]


def test_arguments_that_are_no_json_are_told_as_they_are() -> None:
    assert calls_of(call(0, "a", "f", "{'x':1}"), call(1, "b", "g", Y)) == [("a", "f", "{'x':1}"), ("b", "g", Y)]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert calls_of(call(0, "a", "f"), call(1, "b", "g", "")) == [("a", "f", "{}"), ("b", "g", "{}")]


def test_a_stream_that_is_cut_in_a_call_fails() -> None:
    events = read(sse(call(0, "a", "f", '{"x"')))
    assert events[-2:][0] == PartDelta('{"x"')
    assert isinstance(error_of(events), UpstreamBroken)


# Whole answers


def whole(*entries: dict[str, Any], **message: object) -> list[ChatEvent]:
    body = {"choices": [{"index": 0, "message": {"content": None, "tool_calls": list(entries), **message}, "finish_reason": "stop"}]}
    return read_whole(body)


def test_whole_calls_are_each_their_own() -> None:
    entries = [{"id": "a", "function": {"name": "f", "arguments": X}}, {"id": "a", "function": {"name": "f", "arguments": {"y": 2}}}]
    events = whole(*entries)
    assert (said(events), finish_of(events).finish_reason) == ([("a", "f", X), ("call_new2", "f", Y)], "tool_calls")


def test_whole_calls_may_lack_ids_indices_and_arguments() -> None:
    assert said(whole({"function": {"name": "f"}}, {"function": {"name": "f"}}, {"index": 0, "function": {"name": "g"}})) == [
        *(("call_new2", "f", "{}"), ("call_new3", "f", "{}"), ("call_new4", "g", "{}")),
    ]


def test_a_whole_legacy_function_call_is_a_call() -> None:
    assert said(whole(function_call={"name": "f", "arguments": X})) == [("call_new2", "f", X)]


def test_a_whole_message_in_a_stream_with_calls_is_read() -> None:
    message = {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": X}}]}
    stream = sse({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}, DONE)
    assert said(read(stream)) == [("a", "f", X)]
