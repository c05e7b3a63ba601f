"""Log probabilities in Ollama's lines, for those who asked for them."""

from __future__ import annotations

import orjson
import pytest

from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartOpened, Started
from proxy.canonical.fold import collect
from proxy.dialects.ollama.rendering import render_chat
from tests.dialects.ollama.answers import OPENAI_LOGPROBS, TickingStopwatch, a_chat_request, chat_lines


def a_stream_with_logprobs() -> list[ChatEvent]:
    return [Started("x"), PartOpened("text"), PartDelta("Hi", OPENAI_LOGPROBS), PartClosed(), Finished("stop")]


def test_logprobs_come_with_their_text_and_without_nulls() -> None:
    lines = chat_lines(a_stream_with_logprobs(), sampling={"logprobs": True, "top_logprobs": 2})

    assert lines[0]["logprobs"] == [
        {
            "token": "Hi",
            "logprob": -0.1,
            "bytes": [72, 105],
            "top_logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}, {"token": "\ufffd", "logprob": -9999.0}],
        },
        {"token": "", "logprob": -2, "top_logprobs": []},
    ]
    assert "logprobs" not in lines[1]


@pytest.mark.parametrize("top", [None, 0])
def test_alternatives_come_only_when_asked_for(top: int | None) -> None:
    line = chat_lines(a_stream_with_logprobs(), sampling={"logprobs": True, "top_logprobs": top})[0]

    assert line["logprobs"][0] == {"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}


def test_logprobs_that_nobody_asked_for_are_dropped() -> None:
    assert all("logprobs" not in line for line in chat_lines(a_stream_with_logprobs()))
    whole = orjson.loads(render_chat(collect(a_stream_with_logprobs()), a_chat_request(), TickingStopwatch()))
    assert "logprobs" not in whole


def test_a_token_without_text_still_brings_its_logprobs() -> None:
    events: list[ChatEvent] = [
        Started("x"),
        PartOpened("text"),
        PartDelta("", [{"token": "\ufffd", "logprob": -1.0}]),
        PartClosed(),
        Finished("stop"),
    ]

    assert len(chat_lines(events, sampling={"logprobs": True})) == 2
