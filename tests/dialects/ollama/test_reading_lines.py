"""Answers of Ollama servers: lines cut anywhere -> events."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.completion import Usage
from proxy.canonical.events import Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.fold import collect
from proxy.canonical.request import ReasoningPart, TextPart, ToolCallPart
from proxy.dialects.ollama import egress
from proxy.dialects.ollama.reading.lines import MAX_LINE_BYTES
from proxy.errors import UpstreamBroken, UpstreamRefused
from tests.canonical.streams import merged, texts_of
from tests.dialects.ollama.upstream_asking import NATIVE, to
from tests.dialects.ollama.upstream_lines import BEGUN, call, chat_line, done, line, numbered, read, read_whole

DEEP = chat_line(tool_calls=[call("f", {})]).replace(b"{}", b'{"x":' * 300 + b"{}" + b"}" * 300)
STARTED = Started("chatcmpl-n1", "served", 1767323045)
USED = UsageSeen(Usage(12, 5))
STREAM = b"".join(
    (
        chat_line(thinking="Let me "),
        chat_line(thinking="see."),
        chat_line("Grüße 日本 "),
        chat_line("👋"),
        chat_line(tool_calls=[call("f", {"x": 1.0, "id": 123456789012345678901}, id="call_a")]),
        chat_line(tool_calls=[call("g", {}), call("f", {"s": "é"}, id="call_a")]),
        done(),
    )
)


def test_a_text_is_read_as_it_comes() -> None:
    assert read(chat_line("Hel"), chat_line("lo"), done()) == [
        STARTED,
        PartOpened("text"),
        PartDelta("Hel"),
        PartDelta("lo"),
        PartClosed(),
        USED,
        Finished("stop", "stop"),
    ]


def test_thinking_text_and_calls_are_parts_of_their_own() -> None:
    completion = collect(read(STREAM))

    assert completion.parts == (
        ReasoningPart("Let me see."),
        TextPart("Grüße 日本 👋"),
        ToolCallPart("call_a", "f", '{"x":1.0,"id":123456789012345678901}'),
        ToolCallPart("call_n2", "g", "{}"),
        ToolCallPart("call_n3", "f", '{"s":"é"}'),
    )
    assert (completion.finish_reason, completion.raw_reason, completion.usage) == ("tool_calls", "stop", Usage(12, 5))


@given(st.lists(st.integers(0, len(STREAM)), max_size=8), st.booleans())
def test_cuts_mean_nothing(places: list[int], windows: bool) -> None:
    stream = STREAM.replace(b"\n", b"\r\n\r\n") if windows else STREAM
    cuts = [0, *sorted(places), len(stream)]
    pieces = [stream[begin:end] for begin, end in pairwise(cuts)]

    assert merged(read(*pieces)) == merged(read(STREAM))


@given(st.integers(0, len(STREAM) - 2))
def test_a_stream_that_is_cut_fails(end: int) -> None:
    events = read(STREAM[:end])

    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, UpstreamBroken)


def test_a_last_line_without_its_end_is_read() -> None:
    assert merged(read(STREAM[:-1])) == merged(read(STREAM))


def test_a_whole_answer_is_one_line() -> None:
    whole = {**BEGUN, "message": {"role": "assistant", "content": "Hello", "thinking": "hm"}, "done": True, "done_reason": "length"}

    assert collect(read_whole(orjson.dumps(whole))).parts == (ReasoningPart("hm"), TextPart("Hello"))
    assert read_whole(orjson.dumps(whole, option=orjson.OPT_INDENT_2)) == read_whole(orjson.dumps(whole))
    assert read_whole(orjson.dumps(whole))[-1] == Finished("length", "length")
    assert collect(read(orjson.dumps(whole))).parts == (ReasoningPart("hm"), TextPart("Hello"))


def test_a_stream_and_a_whole_answer_are_read_alike() -> None:
    assert collect(read_whole(STREAM)) == collect(read(STREAM))


def test_a_continuation_is_text_and_its_tags_are_its_own() -> None:
    lines = (line({**BEGUN, "response": text, "done": False}) for text in ("<think>", "x"))

    events = read(*lines, line({**BEGUN, "response": "", "done": True, "done_reason": "stop", "context": [1, 2]}))

    assert texts_of(events) == [("text", "<think>x")]
    assert not any(isinstance(event, UsageSeen) for event in events)


def test_tags_that_the_server_left_in_a_chat_are_split_off() -> None:
    lines = (chat_line("<thi"), chat_line("nk>hm</think>\n\nHi"), done())

    assert texts_of(read(*lines)) == [("reasoning", "hm"), ("text", "Hi")]
    assert texts_of(read(*lines, profile=replace(NATIVE, think_tags=False))) == [("text", "<think>hm</think>\n\nHi")]


@pytest.mark.parametrize(
    ("last", "finished"),
    [
        (done("length"), Finished("length", "length")),
        (done("content_filter"), Finished("content_filter", "content_filter")),
        (done("load"), Finished("stop", "load")),
        (done(None), Finished("stop", "")),
        (done("new word"), Finished("stop", "new word")),
        (line({**BEGUN, "done_reason": "stop"}), Finished("stop", "stop")),
    ],
)
def test_the_end_says_why(last: bytes, finished: Finished) -> None:
    assert read(chat_line("x"), last)[-1] == finished


def test_an_answer_cut_by_the_limit_keeps_that_reason_beside_its_calls() -> None:
    assert read(chat_line(tool_calls=[call("f", {})]), done("length"))[-1] == Finished("length", "length")


def test_calls_on_the_last_line_are_read() -> None:
    whole = {**BEGUN, "message": {"role": "assistant", "content": "", "tool_calls": [call("f", '{"a":1}'), call("g", None)]}, "done": True}

    assert collect(read(line(whole))).parts == (ToolCallPart("call_n2", "f", '{"a":1}'), ToolCallPart("call_n3", "g", "{}"))


def test_nothing_counts_after_the_end() -> None:
    reader = egress.stream_reader(to(), numbered())

    assert isinstance(reader.feed(done() + chat_line("more"))[-1], Finished)
    assert (reader.feed(chat_line("more")), reader.feed(b""), reader.close()) == ([], [], [])


def test_silence_is_a_sign_of_life() -> None:
    reader = egress.stream_reader(to(), numbered())

    assert reader.feed(b"") == [KeepAlive()]
    assert reader.feed(chat_line()[:5]) == []
    assert reader.feed(b"") == [KeepAlive()]


def test_logprobs_go_with_their_tokens_in_openais_words() -> None:
    item = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": [{"token": "Ho", "logprob": -2.5}]}
    first = line({**BEGUN, "message": {"content": "Hi"}, "logprobs": [item], "done": False})
    unfinished = line(
        {**BEGUN, "message": {"content": ""}, "logprobs": [{"token": "\ufffd", "logprob": -1.0, "bytes": [240]}], "done": False}
    )

    deltas = [event for event in read(first, unfinished, done()) if isinstance(event, PartDelta)]

    assert deltas == [
        PartDelta("Hi", [{**item, "top_logprobs": [{"token": "Ho", "logprob": -2.5, "bytes": None}]}]),
        PartDelta("", [{"token": "\ufffd", "logprob": -1.0, "bytes": [240], "top_logprobs": []}]),
    ]


def failure(*chunks: bytes) -> Any:
    last = read(*chunks)[-1]
    assert isinstance(last, Failed)
    return last.error


def test_an_error_in_the_stream_is_its_end() -> None:
    error = failure(chat_line("Hel"), b'{"error":"an error was encountered while running the model: EOF"}\n', chat_line("lo"), done())

    assert isinstance(error, UpstreamRefused)
    assert (error.status, error.message) == (502, "an error was encountered while running the model: EOF")


def test_an_error_before_the_first_word_stands_alone() -> None:
    assert [type(event) for event in read(b'{"error":"model \'x\' not found"}')] == [Failed]
    assert failure(b'{"error":"model \'x\' not found"}').code == "model_not_found"
    assert failure(b'{"error":{"message":"boom"}}').message == "boom"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<html>", "a web page"),
        (b'data: {"choices":[]}\n\n', "an event stream"),
        (b'{"choices":[]}\n', "no part of an answer"),
        (b"[1]\n", "no JSON object"),
        (b"Internal Server Error", "no JSON object"),
        (b'{"message":{"content":"Hel', "before it was complete"),
        (chat_line(tool_calls=[{"id": "a", "function": {"arguments": {}}}]), "a tool call without a name"),
        (chat_line(tool_calls=["f"]), "a tool call without a name"),
        (chat_line("x") + done("error"), "broke its answer off"),
        (DEEP, "can't be written as JSON"),
    ],
)
def test_what_is_no_answer_is_told(answer: bytes, words: str) -> None:
    error = failure(answer)

    assert isinstance(error, UpstreamBroken)
    assert words in error.message


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    reader = egress.stream_reader(to(), numbered())
    events = reader.feed(b'{"message":{"content":"' + b"x" * MAX_LINE_BYTES)

    assert isinstance(events[-1], Failed)
    assert "bytes" in events[-1].error.message


def test_halves_of_characters_are_read_as_go_reads_them() -> None:
    assert texts_of(read(b'{"message":{"content":"a\\ud83d"},"done":false}\n', done())) == [("text", "a\ufffd")]


@pytest.mark.parametrize("created_at", [None, "", "soon", 5, "0001-01-01T00:00:00Z"])
def test_times_that_are_none_are_unknown(created_at: object) -> None:
    assert read(line({"message": {"content": "x"}, "created_at": created_at}), done())[0] == Started("chatcmpl-n1", "", 0)
