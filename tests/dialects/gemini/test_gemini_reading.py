"""Answers of Gemini: parts, signatures, reasons, counts, framing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from google.genai import types

from proxy.canonical.completion import Usage
from proxy.canonical.events import KeepAlive, PartClosed, PartDelta, Started, UsageSeen
from proxy.canonical.fold import collect
from proxy.canonical.request import ReasoningPart, TextPart, ToolCallPart
from proxy.dialects.gemini.egress import read_count, stream_reader
from proxy.dialects.gemini.reading.finish import REASONS
from proxy.dialects.gemini.reading.usage import read_usage
from proxy.errors import UpstreamBroken, UpstreamRefused
from tests.dialects.gemini.asking import to
from tests.dialects.gemini.records import call, error_of, finish_of, ids, read, read_whole, record, said, sse, thought

STOP = record(finish="STOP")


def usage_of(*counts: dict[str, Any]) -> Usage:
    records = [record("a", usageMetadata=count) for count in counts]
    return collect(read(sse(*records, STOP))).usage


# Parts


def test_texts_and_thoughts_become_parts_of_their_own() -> None:
    events = read(sse(record(thought("h")), record(thought("m"), "a"), record("b", thought("c")), record("d", finish="STOP")))
    assert said(events) == [("reasoning", "hm"), ("text", "ab"), ("reasoning", "c"), ("text", "d")]
    assert events[0] == Started("r1", "m")
    assert finish_of(events) == ("stop", "STOP")


def test_calls_come_whole_and_in_order_and_end_the_answer_as_calls() -> None:
    events = read(sse(record(call("f", {"x": 1})), record(call("f", {"x": 2})), record(call("f")), record("", finish="STOP")))
    assert said(events) == [("call_new1", "f", '{"x":1}'), ("call_new2", "f", '{"x":2}'), ("call_new3", "f", "{}")]
    assert finish_of(events) == ("tool_calls", "STOP")


def test_ids_are_the_servers_unless_they_come_again_or_lack() -> None:
    events = read(sse(record(*(call(call_id=call_id) for call_id in ("a23456789", "a23456789", "", "a")), finish="STOP")))
    assert [part[0] for part in said(events)] == ["a23456789", "call_new1", "call_new2", "a"]


def test_text_between_calls_keeps_its_place() -> None:
    assert said(read(sse(record("a", call(), "b", finish="STOP")))) == [("text", "a"), ("call_new1", "f", "{}"), ("text", "b")]


def test_a_name_that_was_marked_is_read_back() -> None:
    assert said(read(sse(record(call("esc.7zip"), finish="STOP")))) == [("call_new1", "7zip", "{}")]


def test_large_integers_in_arguments_stay_exact() -> None:
    body = orjson.dumps(record(call("f", {"n": 7}), finish="STOP")).replace(b"7", b"123456789012345678901234")
    assert said(read_whole(body)) == [("call_new1", "f", '{"n":123456789012345678901234}')]


@pytest.mark.parametrize("part", [call(None), call(""), {"functionCall": {"name": 7}}])
def test_a_call_without_a_name_breaks_the_answer(part: dict[str, Any]) -> None:
    assert isinstance(error_of(read(sse(record(part, finish="STOP")))), UpstreamBroken)


def test_what_has_no_place_in_an_answer_is_left_out() -> None:
    parts = [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}, {"executableCode": {"code": "1"}}, {"text": None}, 7, {}]
    body = {"candidates": [{"content": {"parts": ["no part", *parts, {"text": "a"}]}, "finishReason": "STOP"}]}
    assert said(read(sse(body))) == [("text", "a")]


def test_only_the_first_candidate_is_read() -> None:
    second = {"index": 1, "content": {"parts": [{"text": "other"}]}, "finishReason": "STOP"}
    both = {"candidates": [second, *record("a")["candidates"]]}
    assert said(read(sse(both, STOP))) == [("text", "a")]


# Signatures


def test_a_signature_belongs_to_its_call() -> None:
    assert said(read(sse(record(call(thoughtSignature="S1"), call(), finish="STOP")))) == [
        ("call_new1", "f", "{}", "S1"),
        ("call_new2", "f", "{}"),
    ]


def test_a_signature_closes_the_thoughts_that_it_signs() -> None:
    parts = [thought("a"), thought("b", thoughtSignature="S1"), thought("c"), {"text": "", "thoughtSignature": "S2"}, "d"]
    assert said(read(sse(record(*parts, finish="STOP")))) == [("reasoning", "ab", "S1"), ("reasoning", "c", "S2"), ("text", "d")]


@pytest.mark.parametrize("parts", [["a", {"text": "b", "thoughtSignature": "S1"}], ["ab", {"text": "", "thoughtSignature": "S1"}]])
def test_a_signature_of_words_stands_behind_them_for_hidden_thoughts(parts: list[Any]) -> None:
    events = read(sse(record(*parts), STOP))
    assert said(events) == [("text", "ab"), ("reasoning", "", "S1")]
    assert PartClosed("S1", "gemini", redacted=True) in events
    assert collect(events).parts == (TextPart("ab"), ReasoningPart("", "S1", "gemini", redacted=True))


# Reasons


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOO_MANY_TOOL_CALLS", "stop"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("SOMETHING_PROHIBITED", "content_filter"),
        ("NEW_WORD", "stop"),
        ("MAX_SOMETHING", "length"),
    ],
)
def test_reasons_are_said_in_openais_words(word: str, reason: str) -> None:
    assert finish_of(read(sse(record("a", finish=word)))) == (reason, word)


@pytest.mark.parametrize("word", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "MISSING_THOUGHT_SIGNATURE", "SOME_ERROR"])
def test_a_model_that_failed_did_not_finish(word: str) -> None:
    error = error_of(read(sse(record("a"), record(finish=word))))
    assert isinstance(error, UpstreamRefused)
    assert (error.status, error.upstream_status) == (502, 200)
    assert word in error.message
    assert error.is_models_own is (word != "SOME_ERROR")


def test_the_reason_for_a_failure_is_told_in_the_servers_words() -> None:
    failed = record("a", finish="MALFORMED_FUNCTION_CALL")
    failed["candidates"][0]["finishMessage"] = "Malformed function call: print(f())"
    assert error_of(read(sse(failed))).message == "the upstream broke off its answer: Malformed function call: print(f())"


def test_every_reason_of_googles_library_is_known() -> None:
    words = {reason.value for reason in types.FinishReason} - {"FINISH_REASON_UNSPECIFIED", "PUP_LIMITED_DISABLED"}
    assert words <= set(REASONS)


def test_calls_that_were_cut_off_end_as_cut_off() -> None:
    assert finish_of(read(sse(record(call(), finish="MAX_TOKENS")))) == ("length", "MAX_TOKENS")


def test_a_blocked_prompt_is_an_empty_answer_with_its_cost() -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 9}, "modelVersion": "m"}
    for events in (read(sse(blocked)), read_whole(blocked)):
        completion = collect(events)
        assert (completion.parts, completion.finish_reason, completion.raw_reason) == ((), "content_filter", "PROHIBITED_CONTENT")
        assert completion.usage == Usage(prompt_tokens=9)


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"promptTokenCount": 4, "totalTokenCount": 4}, Usage(4, 0)),
        ({"promptTokenCount": 4, "toolUsePromptTokenCount": 2, "totalTokenCount": 9}, Usage(6, 3)),
        ({"promptTokenCount": 4, "thoughtsTokenCount": 5, "totalTokenCount": 9}, Usage(4, 5, reasoning_tokens=5)),
        ({"promptTokenCount": 4, "totalTokenCount": 3}, Usage(4)),
        ({"totalTokenCount": 3}, None),
    ],
)
def test_what_the_answer_cost_is_all_that_the_prompt_did_not(counts: dict[str, Any], usage: Usage | None) -> None:
    assert read_usage(counts) == usage


def test_feedback_that_blocks_nothing_ends_nothing() -> None:
    harmless = {"promptFeedback": {"safetyRatings": []}}
    assert finish_of(read(sse(harmless, record("a", finish="STOP")))) == ("stop", "STOP")
    assert isinstance(error_of(read(sse(harmless))), UpstreamBroken)


# Counts


def test_thoughts_count_as_part_of_the_answer() -> None:
    counts = {"promptTokenCount": 20, "candidatesTokenCount": 5, "thoughtsTokenCount": 30, "totalTokenCount": 55}
    assert usage_of({"promptTokenCount": 20}, counts) == Usage(prompt_tokens=20, completion_tokens=35, reasoning_tokens=30)


def test_tools_results_count_as_prompt_and_cached_tokens_are_among_it() -> None:
    counts = {"promptTokenCount": 20, "toolUsePromptTokenCount": 4, "cachedContentTokenCount": 16, "candidatesTokenCount": "3"}
    assert usage_of(counts) == Usage(prompt_tokens=24, cached_tokens=16, completion_tokens=3)


@pytest.mark.parametrize("counts", [{}, {"promptTokenCount": None}, {"promptTokenCount": True, "candidatesTokenCount": -1}, {"x": 1}])
def test_what_is_not_counted_stays_unknown(counts: dict[str, Any]) -> None:
    assert usage_of(counts) == Usage()


def test_the_same_counts_are_told_once() -> None:
    events = read(sse(*[record("a", usageMetadata={"promptTokenCount": 1})] * 3, STOP))
    assert sum(isinstance(event, UsageSeen) for event in events) == 1


# Log probabilities


def test_log_probabilities_come_with_the_text_that_they_are_of() -> None:
    result = {
        "chosenCandidates": [{"token": "a", "tokenId": 1, "logProbability": -0.5}, {"token": "é", "tokenId": 2}],
        "topCandidates": [{"candidates": [{"token": "a", "logProbability": -0.5}, {"token": "b", "logProbability": -1}]}, {}],
    }
    answer = record("aé", finish="STOP")
    answer["candidates"][0]["logprobsResult"] = result
    (first, second) = collect(read(sse(answer))).logprobs
    assert first == {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "top_logprobs": [{"token": "a", "logprob": -0.5, "bytes": [97]}, {"token": "b", "logprob": -1, "bytes": [98]}],
    }
    assert second == {"token": "é", "logprob": 0.0, "bytes": [195, 169], "top_logprobs": []}


@pytest.mark.parametrize("parts", [[thought("a")], [thought("a"), "b"], [call()]])
def test_log_probabilities_that_may_be_of_something_else_are_left_out(parts: list[Any]) -> None:
    answer = record(*parts, finish="STOP")
    answer["candidates"][0]["logprobsResult"] = {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]}
    assert not any(event.logprobs for event in read(sse(answer)) if isinstance(event, PartDelta))


@pytest.mark.parametrize("result", [7, {}, {"chosenCandidates": 7}, {"chosenCandidates": [7]}, {"chosenCandidates": [{"token": 7}]}])
def test_log_probabilities_that_cannot_be_read_are_left_out(result: Any) -> None:
    answer = record("a", finish="STOP")
    answer["candidates"][0]["logprobsResult"] = result
    assert said(read(sse(answer))) == [("text", "a")]


# Framing and ends


def test_a_stream_may_come_as_one_array() -> None:
    records = [record('a{["}]'), record(call()), STOP]
    array = b"[" + b"\n,\r\n".join(map(orjson.dumps, records)) + b"]"
    pieces = [array[at : at + 7] for at in range(0, len(array), 7)]
    assert said(read(*pieces)) == said(read(sse(*records))) == [("text", 'a{["}]'), ("call_new1", "f", "{}")]


def test_the_end_is_the_end_of_the_bytes_also_with_openais_mark() -> None:
    assert finish_of(read(sse(record("a", finish="STOP"), b"data: [DONE]\n\n"))) == ("stop", "STOP")
    assert finish_of(read(sse(record("a", finish="STOP"))[:-4])) == ("stop", "STOP")


def test_more_may_come_after_the_reason() -> None:
    events = read(sse(record("a", finish="STOP"), record(call(), usageMetadata={"promptTokenCount": 1})))
    assert said(events) == [("text", "a"), ("call_new1", "f", "{}")]
    assert finish_of(events) == ("tool_calls", "STOP")


@pytest.mark.parametrize(
    "stream",
    [
        sse(record("a")),
        sse(record("a"), b'data: {"candidates":[{"finishReason":"ST'),
        sse(record(finish="FINISH_REASON_UNSPECIFIED")),
        sse({"usageMetadata": {"promptTokenCount": 1}}),
        sse({}),
        b"",
        b"\r\n",
        b"data: [DONE]\n\n",
        orjson.dumps(record("a", finish="STOP"))[:-3],
        b"[]",
        b"<html>busy</html>",
        sse(record("a"), b"data: {broken\r\n\r\n", STOP),
        sse(7),
        sse({"choices": []}),
    ],
)
def test_what_does_not_say_why_it_ended_is_broken(stream: bytes) -> None:
    assert isinstance(error_of(read(stream)), UpstreamBroken)


def test_silence_is_told_until_the_model_has_stopped() -> None:
    reader = stream_reader(to(), ids())
    assert reader.feed(b"") == [KeepAlive()]
    reader.feed(sse(record("a")))
    assert reader.feed(b"") == [KeepAlive()]
    reader.feed(sse(record("b", finish="STOP")))
    assert finish_of(reader.feed(b"")) == ("stop", "STOP")
    assert reader.feed(b"") == []


def test_a_body_without_end_is_given_up() -> None:
    reader = stream_reader(to(), ids())
    megabyte = b"[" + b" " * (1024 * 1024)
    events = [event for _ in range(18) for event in reader.feed(megabyte)]
    assert "bytes" in error_of(events).message


def test_numbers_that_are_none_do_not_break_the_stream() -> None:
    odd = b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"avgLogprobs":NaN,"finishReason":"STOP"}]}\n\n'
    assert said(read(odd)) == [("text", "a")]


# Errors in an answer

BOOM = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize(
    "stream",
    [
        sse(record("a"), BOOM),
        sse(record("a")) + orjson.dumps(BOOM),
        sse(record("a")) + orjson.dumps(BOOM, option=orjson.OPT_INDENT_2),
        sse(record("a")) + b"event: error\r\ndata: " + orjson.dumps(BOOM["error"]) + b"\r\n\r\n",
        sse(BOOM),
        orjson.dumps(BOOM),
        orjson.dumps([BOOM]),
        orjson.dumps([record("a"), BOOM]),
    ],
)
def test_an_error_in_an_answer_ends_it_as_one(stream: bytes) -> None:
    error = error_of(read(stream))
    assert isinstance(error, UpstreamRefused)
    assert (error.status, error.message, error.upstream_status) == (503, "The model is overloaded.", 200)


def test_words_that_are_no_part_of_an_answer_are_an_error() -> None:
    assert error_of(read(sse({"message": "no such thing"}))).message == "no such thing"


def test_a_call_has_its_signature_in_the_whole_answer() -> None:
    completion = collect(read_whole(record(call("f", {"x": 1}, thoughtSignature="S1"), finish="STOP")))
    assert completion.parts == (ToolCallPart("call_new1", "f", '{"x":1}', "S1", "gemini"),)


# Counting


def test_a_count_is_read() -> None:
    assert read_count(b'{"totalTokens":31,"promptTokensDetails":[]}') == 31


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"totalTokens":"x"}', b'{"totalTokens":true}', b'{"totalTokens":-1}'])
def test_what_tells_no_count_is_broken(body: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        read_count(body)


def test_an_error_instead_of_a_count_is_one() -> None:
    with pytest.raises(UpstreamRefused, match="overloaded"):
        read_count(orjson.dumps(BOOM))


@pytest.mark.parametrize("kind", ["inlineData", "executableCode"])
def test_an_answer_that_nothing_of_can_be_told_is_an_error(kind: str) -> None:
    lost, thought = {kind: {"mimeType": "image/png", "data": "AA=="}}, {"text": "hm", "thought": True}
    for parts in ([lost], [thought, lost], [{"text": ""}, lost]):
        with pytest.raises(UpstreamRefused, match=kind):
            collect(read_whole(orjson.dumps(record(*parts, finish="STOP"))))
    for parts in ([lost, {"text": "here"}], [{"text": "here"}, lost]):
        assert collect(read_whole(orjson.dumps(record(*parts, finish="STOP")))).parts == (TextPart("here"),)
