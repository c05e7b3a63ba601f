"""How answers of OpenAI-style servers end: reasons, terminators, and ends that come too soon."""

from __future__ import annotations

import pytest

from proxy.canonical.completion import Usage
from proxy.canonical.events import Finished, KeepAlive, PartClosed
from proxy.dialects.openai.reading import stream_reader
from proxy.errors import UpstreamBroken, UpstreamRefused
from tests.dialects.openai.records import DONE, a_route, a_stream, error_of, finish_of, ids, read, record, said, sse, text, usages_of


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        *(
            (word, "stop")
            for word in ("stop", "eos", "eos_token", "end_turn", "complete", "stop_sequence", "STOP", "pause_turn", "whatever")
        ),
        *((word, "length") for word in ("length", "max_tokens", "model_length", "MAX_TOKENS", "max_new_tokens", "length_limit")),
        *((word, "content_filter") for word in ("content_filter", "sensitive", "SAFETY", "refusal", "output_filtered")),
        *((word, "stop") for word in ("tool_calls", "function_call", "tool_use", "tool_stop")),
    ],
)
def test_every_servers_word_becomes_one_of_four(word: str, reason: str) -> None:
    assert finish_of(read(a_stream(text("a"), finish=word))) == Finished(reason, word)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["error", "abort", "insufficient_system_resource", "malformed_function_call", "engine_error"])
def test_an_error_is_no_finish(word: str) -> None:
    error = error_of(read(sse(text("a"), record({"content": "b"}, word), DONE)))
    assert (error.status, error.kind) == (502, "upstream_refused")
    assert word in error.message


@pytest.mark.parametrize(
    ("word", "native", "is_models_own"),
    [
        ("malformed_function_call", None, True),
        ("error", "MALFORMED_FUNCTION_CALL", True),
        ("error", "UNEXPECTED_TOOL_CALL", True),
        ("error", "ERROR", False),
        ("error", 7, False),
        ("engine_error", None, False),
    ],
)
def test_what_the_model_did_is_told_from_what_its_server_did(word: str, native: object, is_models_own: bool) -> None:
    last = record({}, word)
    last["choices"][0]["native_finish_reason"] = native
    error = error_of(read(sse(text("a"), last, DONE)))
    assert isinstance(error, UpstreamRefused)
    assert error.is_models_own is is_models_own


@pytest.mark.parametrize("word", [None, ""])
def test_a_terminator_without_a_reason_is_a_stop(word: str | None) -> None:
    assert finish_of(read(a_stream(text("a"), finish=word))) == Finished("stop", "")


def test_an_empty_reason_in_the_middle_is_none() -> None:
    assert said(read(a_stream(record({"content": "a"}, ""), record({"content": "b"}, "")))) == [("text", "ab")]


def test_a_reason_without_a_terminator_is_a_success() -> None:
    assert finish_of(read(sse(text("a"), record({}, "length")))).finish_reason == "length"


def test_the_last_record_may_lack_its_blank_line_or_be_cut_after_the_reason() -> None:
    assert finish_of(read(sse(text("a"), record({}, "stop")).rstrip())).finish_reason == "stop"
    assert finish_of(read(sse(text("a"), record({}, "stop")) + b'data: {"choices":[],"usa')).finish_reason == "stop"


def test_content_finish_and_usage_in_one_record_are_all_read() -> None:
    events = read(sse({**record({"content": "a"}, "length"), "usage": {"prompt_tokens": 1}}, DONE))
    assert (said(events), usages_of(events), finish_of(events).finish_reason) == ([("text", "a")], [Usage(1)], "length")


def test_words_after_the_reason_are_not_lost() -> None:
    assert said(read(a_stream(record({"content": "a"}, "stop"), record({"content": "b"}, "stop")))) == [("text", "ab")]


@pytest.mark.parametrize(("matched", "told"), [("END", "END"), (151645, ""), (None, ""), ("end_turn", ""), ("stop", "")])
def test_the_matched_stop_sequence_is_told(matched: object, told: str) -> None:
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": matched}]}
    assert finish_of(read(sse(text("a"), last, DONE))).stop_sequence == told


@pytest.mark.parametrize("tail", [b"", b'data: {"choices":[{"index":0,"del', b"data: [DO", b": comment", b"junk"])
def test_an_answer_that_just_stops_is_a_failure(tail: bytes) -> None:
    events = read(sse(text("hal")) + tail)
    assert said(events) == [("text", "hal")]
    assert isinstance(error_of(events), UpstreamBroken)
    assert "ended before it was complete" in error_of(events).message


def test_a_terminator_without_any_answer_is_a_failure() -> None:
    assert "without having given one" in error_of(read(DONE)).message


@pytest.mark.parametrize("stream", [b"", b"\n\n", b": comment\n\n", b"Internal Server Error"])
def test_no_answer_at_all_is_a_failure_alone(stream: bytes) -> None:
    events = read(stream) if stream else read()
    assert len(events) == 1
    assert isinstance(error_of(events), UpstreamBroken)


def test_silence_is_told_and_after_the_reason_it_is_the_end() -> None:
    reader = stream_reader(a_route(), ids())
    assert reader.feed(b"") == [KeepAlive()]
    reader.feed(sse(text("a")))
    assert reader.feed(b"") == [KeepAlive()]
    reader.feed(sse(record({}, "stop")))
    assert reader.feed(b"") == [PartClosed(), Finished("stop", "stop")]
    assert reader.feed(sse(text("b"))) == []
