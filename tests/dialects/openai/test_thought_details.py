"""OpenRouter's details of thoughts: read from streams and whole answers, and given back with the next request."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import ChatEvent, PartClosed, PartOpened
from proxy.canonical.fold import collect
from proxy.canonical.grammar import check
from proxy.canonical.request import Message, ReasoningPart, TextPart
from proxy.dialects.openai.reading import read_completion, stream_reader
from proxy.dialects.openai.thought_details import Details
from tests.dialects.openai.asking import answered, messages
from tests.dialects.openai.records import DONE, a_route, ids, record, sse

FORMAT = "anthropic-claude-v1"
WORDS = {"type": "reasoning.text", "text": "pl", "format": FORMAT, "index": 0}
MORE = {"type": "reasoning.text", "text": "an", "format": FORMAT, "index": 0}
SIGNED = {"type": "reasoning.text", "signature": "sig==", "format": FORMAT, "index": 0}
HIDDEN = {"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1", "format": "openai-responses-v1", "index": 1}
WHOLE = {"type": "reasoning.text", "text": "plan", "signature": "sig==", "format": FORMAT, "index": 0}
CALL = {"index": 0, "id": "call_12345", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def thinking(text: str, *details: Any) -> dict[str, Any]:
    return record({"content": "", "reasoning": text or None, "reasoning_details": list(details)})


def read(stream: bytes, places: list[int] | None = None) -> list[ChatEvent]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places or []), len(stream)]
    reader = stream_reader(a_route(), ids())
    events = [event for start, end in pairwise(edges) for event in reader.feed(stream[start:end] or b"")]
    return [*events, *reader.close()]


@given(places=st.lists(st.integers(0, 2000), max_size=8))
def test_details_are_put_together_however_the_stream_is_cut(places: list[int]) -> None:
    stream = sse(
        thinking("pl", WORDS),
        thinking("an", MORE),
        thinking("", SIGNED),
        record({"content": "ok"}),
        record({"tool_calls": [CALL]}),
        record(finish="tool_calls"),
    )
    events = read(stream + DONE, places)
    check(events)
    thoughts, text, _ = collect(events).parts
    assert isinstance(thoughts, ReasoningPart)
    assert (thoughts.text, thoughts.origin, orjson.loads(thoughts.opaque)) == ("plan", "openrouter", [WHOLE])
    assert text == TextPart("ok")


def test_thoughts_that_nobody_can_read_are_thoughts_too() -> None:
    events = read(sse(thinking("", HIDDEN), record({"tool_calls": [CALL]}), record(finish="tool_calls")) + DONE)
    check(events)
    thoughts = collect(events).parts[0]
    assert thoughts == ReasoningPart("", orjson.dumps([HIDDEN]).decode(), "openrouter")


def test_a_signature_that_comes_late_is_kept_beside_the_words() -> None:
    unsigned = thinking("plan", WHOLE | {"signature": None})
    events = read(sse(unsigned, record({"content": "ok"}), thinking("", SIGNED), record(finish="stop")) + DONE)
    check(events)
    assert [event.kind for event in events if isinstance(event, PartOpened)] == ["reasoning", "text", "reasoning"]
    assert [event.origin for event in events if isinstance(event, PartClosed)] == ["", "", "openrouter"]


def test_details_that_are_only_words_are_nothing_to_keep() -> None:
    events = read(sse(thinking("plan", WORDS), record({"content": "ok"}), record(finish="stop")) + DONE)
    assert PartClosed() in events
    assert not any(isinstance(event, PartClosed) and event.opaque for event in events)
    for odd in (1, {}, [1], ["x"], None):
        stream = sse(record({"content": "ok", "reasoning_details": odd}), record(finish="stop"))
        assert collect(read(stream + DONE)).parts == (TextPart("ok"),)


def test_words_in_many_pieces_are_put_together_in_linear_time() -> None:
    pieces = [{"type": "reasoning.text", "text": "x" * 60, "index": 0}, {"type": "reasoning.summary", "summary": "y" * 60, "index": 1}]
    details = Details()
    began = time.perf_counter()
    for _ in range(20_000):
        details.add(pieces)
    details.add([SIGNED])
    listed = details.listed()
    assert time.perf_counter() - began < 2, "a quadratic reader takes half a minute"
    assert [one["text"] if "text" in one else one["summary"] for one in listed] == ["x" * 1_200_000, "y" * 1_200_000]
    assert details.listed() == listed


@pytest.mark.parametrize("kind", [{"a": 1}, ["a"], None, 1])
def test_types_that_are_no_words_are_taken_as_they_come(kind: Any) -> None:
    odd = {"type": kind, "data": "gAAA"}
    thoughts, _ = collect(read(sse(thinking("", odd), record({"content": "ok"}), record(finish="stop")) + DONE)).parts
    assert isinstance(thoughts, ReasoningPart)
    assert orjson.loads(thoughts.opaque) == [odd]


def test_words_that_are_none_are_taken_as_they_come() -> None:
    details = Details()
    for text in (None, "a", "b", None, ["c"], None, "d", "e"):
        details.add([{"type": "reasoning.text", "text": text}])
    assert details.listed() == [{"type": "reasoning.text", "text": "de"}]
    details.add([{"type": "reasoning.text", "text": ["f"]}, {"type": "reasoning.summary", "summary": None}])
    assert details.listed() == [{"type": "reasoning.text", "text": ["f"]}, {"type": "reasoning.summary", "summary": None}]


def test_a_whole_answer_has_them_too() -> None:
    message = {"role": "assistant", "content": "ok", "reasoning": "plan", "reasoning_details": [WHOLE]}
    body = orjson.dumps({"id": "r", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    completion = collect(read_completion(body, a_route(), ids()))
    assert completion.parts == (ReasoningPart("plan", orjson.dumps([WHOLE]).decode(), "openrouter"), TextPart("ok"))


def test_details_go_back_to_openrouter_with_the_calls_and_to_nobody_else() -> None:
    events = read(sse(thinking("plan", WHOLE), thinking("", HIDDEN), record({"tool_calls": [CALL]}), record(finish="tool_calls")) + DONE)
    turn = Message("assistant", collect(events).parts)
    sent = messages(turn, answered("call_12345", "1"), profile="openrouter")[0]
    assert sent["reasoning_details"] == [WHOLE, HIDDEN]
    assert "reasoning" not in sent
    for profile in ("generic", "vllm", "openai", "google"):
        assert "reasoning_details" not in messages(turn, answered("call_12345", "1"), profile=profile)[0]


def test_words_of_others_are_no_details() -> None:
    for opaque, origin in (("sig", "anthropic"), ("not json", "openrouter"), ("1", "openrouter")):
        call = collect(read(sse(record({"tool_calls": [CALL]}), record(finish="tool_calls")) + DONE)).parts[0]
        turn = Message("assistant", (ReasoningPart("plan", opaque, origin), call))
        sent = messages(turn, answered("call_12345", "1"), profile="openrouter")[0]
        assert (sent["reasoning"], "reasoning_details" in sent) == ("plan", False)
