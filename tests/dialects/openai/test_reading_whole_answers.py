"""Whole answers of OpenAI-style servers, also where a stream was asked for."""

from __future__ import annotations

import orjson
import pytest

from proxy.canonical.completion import Usage
from proxy.canonical.events import Finished, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.dialects.openai.reading import stream_reader
from proxy.errors import UpstreamBroken
from tests.dialects.openai.records import a_route, a_stream, error_of, finish_of, ids, read, read_whole, said, text

WHOLE = {
    "id": "r1",
    "created": 7,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2},
}
WHOLE_EVENTS = [
    Started("r1", "m", 7),
    PartOpened("text"),
    PartDelta("Hello"),
    UsageSeen(Usage(1, 2)),
    PartClosed(),
    Finished("stop", "stop"),
]


def test_a_whole_answer_is_read() -> None:
    assert read_whole(WHOLE) == WHOLE_EVENTS


def test_a_whole_answer_is_read_where_a_stream_was_asked_for() -> None:
    assert read(b" \r\n" + orjson.dumps(WHOLE, option=orjson.OPT_INDENT_2)) == WHOLE_EVENTS
    assert read(*(bytes([byte]) for byte in orjson.dumps(WHOLE))) == WHOLE_EVENTS


def test_a_stream_is_read_where_a_whole_answer_was_asked_for() -> None:
    assert said(read_whole(a_stream(text("a")))) == [("text", "a")]


def test_a_whole_answer_without_a_reason_is_a_stop() -> None:
    body = {"choices": [{"message": {"content": "a"}, "finish_reason": None}]}
    assert finish_of(read_whole(body)) == Finished("stop", "")


def test_choices_of_a_whole_answer_may_be_out_of_order() -> None:
    body = {"choices": [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}
    assert said(read_whole(body)) == [("text", "a")]


def test_a_whole_legacy_completion_is_read() -> None:
    assert said(read_whole({"object": "text_completion", "choices": [{"index": 0, "text": "<think>", "finish_reason": "stop"}]})) == [
        ("text", "<think>")
    ]


@pytest.mark.parametrize(
    "body", [b"", b"  ", b'{"choices":[{"message":{"content":"a"', b"[]", b"{}", b'{"choices":[]}', b'{"choices":null}']
)
def test_a_body_that_is_no_answer_is_a_failure(body: bytes) -> None:
    events = read_whole(body)
    assert len(events) == 1
    assert isinstance(error_of(events), UpstreamBroken)


def test_a_web_page_is_a_failure_that_says_what_to_check() -> None:
    assert (
        error_of(read_whole(b"<!DOCTYPE html><html>Welcome</html>")).message == "the upstream answered with a web page; check the base URL"
    )


def test_an_endless_body_is_an_error() -> None:
    reader = stream_reader(a_route(), ids())
    events = [event for _ in range(20) for event in reader.feed(b"[" * 1_000_000)]
    assert "more than" in error_of(events).message
