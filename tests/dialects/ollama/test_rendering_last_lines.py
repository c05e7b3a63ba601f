"""What the last line of an answer of Ollama's says: reason, counts and durations."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.canonical.completion import Usage
from proxy.canonical.fold import collect
from proxy.dialects.ollama.rendering import ChatStreamRenderer, render_chat
from tests.dialects.ollama.answers import TickingStopwatch, a_call, a_chat_request, a_part, a_stream, chat_lines, rendered

DURATIONS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


@pytest.mark.parametrize(
    ("finish", "done_reason"), [("stop", "stop"), ("length", "length"), ("tool_calls", "stop"), ("content_filter", "content_filter")]
)
def test_done_reasons(finish: Any, done_reason: str) -> None:
    assert chat_lines(a_stream(a_part("text", "a"), finish=finish))[-1]["done_reason"] == done_reason
    whole = orjson.loads(render_chat(collect(a_stream(a_part("text", "a"), finish=finish)), a_chat_request(), TickingStopwatch()))
    assert whole["done_reason"] == done_reason


def test_only_the_last_line_has_reason_and_metrics() -> None:
    lines = chat_lines(a_stream(a_part("text", "a"), a_call("c", "f"), usage=Usage(7, 2)))

    for line in lines[:-1]:
        assert line.keys() == {"model", "created_at", "message", "done"}
    assert lines[-1].keys() == {
        "model", "created_at", "message", "done", "done_reason", "prompt_eval_count", "eval_count", *DURATIONS,
    }  # fmt: skip


def test_unknown_counts_are_left_out_and_known_zeros_are_kept() -> None:
    assert not {"prompt_eval_count", "eval_count"} & chat_lines(a_stream(a_part("text", "a")))[-1].keys()
    last = chat_lines(a_stream(a_part("text", "a"), usage=Usage(3, None)))[-1]
    assert (last["prompt_eval_count"], "eval_count" in last) == (3, False)


@pytest.mark.parametrize("step_ns", [0, 1, 2, 5_000_000_000])
def test_durations_are_integers_of_at_least_one_that_add_up(step_ns: int) -> None:
    for events in (a_stream(a_part("text", "a")), a_stream()):
        stream = rendered(ChatStreamRenderer(a_chat_request(), TickingStopwatch(step_ns)), events)[-1]
        whole = orjson.loads(render_chat(collect(events), a_chat_request(), TickingStopwatch(step_ns)))
        for record in (stream, whole):
            total, load, prompt, evaluation = (record[name] for name in DURATIONS)
            assert all(type(record[name]) is int and record[name] >= 1 for name in DURATIONS)
            assert total >= load + prompt + evaluation


def test_prompt_eval_is_the_time_to_the_first_token() -> None:
    class Clock(TickingStopwatch):
        times = iter([300, 1_000])

        def elapsed_ns(self) -> int:
            return next(self.times)

    last = rendered(ChatStreamRenderer(a_chat_request(), Clock()), a_stream(a_part("reasoning", "a"), a_part("text", "b")))[-1]

    assert [last[name] for name in DURATIONS] == [1_000, 1, 299, 700]
