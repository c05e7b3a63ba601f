"""Usual answers are read by a shorter way: it may only ever say what the long way says."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.canonical.events import ChatEvent
from proxy.dialects.openai.reading import read_completion, stream_reader
from proxy.dialects.openai.reading.usual import usual_events
from tests.dialects.openai.records import RECORDINGS, a_route, ids

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def an_answer(text: object = "hello", **changes: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "r1", "object": "chat.completion", "created": 7, "model": "m", "choices": [choice], "usage": USAGE} | changes


def the_long_way(body: bytes) -> list[ChatEvent]:
    reader = stream_reader(a_route(), ids())
    return [*(reader.feed(body) if body else ()), *reader.close()]


def agree(body: bytes) -> bool:
    """Whether both ways say the same, or the short one says nothing."""
    usual = usual_events(body)
    # As texts: errors are never equal to each other.
    return usual is None or str(usual) == str(the_long_way(body))


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(),
        an_answer("it may < mention <think>"),
        an_answer("  with space before"),
        an_answer(system_fingerprint="fp", service_tier="default", timings={"prompt_n": 1}),
        an_answer(
            choices=[{"message": {"role": "assistant", "content": "cut", "annotations": [], "refusal": None}, "finish_reason": "length"}]
        ),
        an_answer(choices=[{"message": {"content": "hi"}, "finish_reason": "stop", "native_finish_reason": "STOP", "logprobs": None}]),
        an_answer(
            choices=[{"message": {"content": "hi"}, "finish_reason": "stop", "content_filter_results": {"hate": {"filtered": False}}}]
        ),
    ],
)
def test_usual_answers_are_read_the_short_way(answer: dict[str, Any]) -> None:
    body = orjson.dumps(answer)
    assert usual_events(body) == the_long_way(body)
    assert read_completion(body, a_route(), ids()) == the_long_way(body)


@pytest.mark.parametrize(("scenario", "is_usual"), [("text", True), ("length", True), ("reasoning", False), ("tool_call", False)])
def test_recordings_of_texts_are_usual(scenario: str, is_usual: bool) -> None:
    body = (RECORDINGS / scenario / "response.json").read_bytes()
    assert (usual_events(body) is not None) is is_usual
    assert agree(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"<html>",
        b"data: {}\n\n",
        b'{"choices":[]}',
        b'{"choices":[null]}',
        *(orjson.dumps(an_answer(text)) for text in ("", " ", None, ["hi"], "<think>a</think>b", "\n<think>a", 1)),
        *(orjson.dumps(an_answer(**{name: None})) for name in ("id", "created", "model", "choices", "usage")),
        *(orjson.dumps(an_answer(**{name: value})) for name, value in (("error", "no"), ("usage", {}), ("usage", []), ("created", 1.5))),
    ],
)
def test_odd_answers_are_left_to_the_long_way(body: bytes) -> None:
    assert usual_events(body) is None


def test_what_an_answer_says_besides_is_left_to_the_long_way() -> None:
    for place in ("message", "choice"):
        answer = an_answer()
        choice = answer["choices"][0]
        (choice["message"] if place == "message" else choice)["nobody_knows"] = "this"
        assert usual_events(orjson.dumps(answer)) is None


VALUES = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "hi", "stop", "length", "<think>", "error"])
THINGS = (
    VALUES | st.lists(VALUES, max_size=2) | st.dictionaries(st.sampled_from(["message", "content", "prompt_tokens"]), VALUES, max_size=2)
)
OF_MESSAGE = st.sampled_from(["role", "content", "reasoning", "reasoning_content", "refusal", "tool_calls", "function_call", "annotations"])
OF_CHOICE = st.sampled_from(
    ["index", "finish_reason", "stop_reason", "logprobs", "error", "delta", "text", "usage", "message", "native_finish_reason"]
)
OF_ANSWER = st.sampled_from(["id", "created", "model", "usage", "error", "object", "x_groq", "choices"])


@settings(max_examples=1000, deadline=None)
@given(
    message=st.dictionaries(OF_MESSAGE, THINGS, max_size=2),
    choice=st.dictionaries(OF_CHOICE, THINGS, max_size=2),
    answer=st.dictionaries(OF_ANSWER, THINGS, max_size=2),
    left_out=st.sampled_from(["", "id", "model", "usage", "role", "index"]),
    choices=st.integers(1, 2),
)
def test_both_ways_say_the_same(
    message: dict[str, Any], choice: dict[str, Any], answer: dict[str, Any], left_out: str, choices: int
) -> None:
    said = {"role": "assistant", "content": "hello"} | message
    first = {"index": 0, "message": said, "finish_reason": "stop"} | choice
    whole = an_answer(choices=[first] * choices) | answer
    for members in (said, first, whole):
        members.pop(left_out, None)
    assert agree(orjson.dumps(whole))
