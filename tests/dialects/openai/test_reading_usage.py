"""Counts of OpenAI-style servers: when they come, where they stand, and which of them can be."""

from __future__ import annotations

import time
from typing import Any

import pytest

from proxy.canonical.completion import Usage
from proxy.canonical.events import Finished, PartClosed, Started, UsageSeen
from tests.dialects.openai.records import DONE, a_stream, read, record, said, sse, text, usages_of


def test_usage_after_the_finish_is_read() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17}
    events = read(sse(text("a"), record({}, "stop"), {"id": "r1", "choices": [], "usage": usage}, DONE))
    assert events[-3:] == [UsageSeen(Usage(9, 8)), PartClosed(), Finished("stop", "stop")]


def test_usage_in_every_record_is_no_end_and_the_last_counts() -> None:
    stream = sse(*({**text("a"), "usage": {"prompt_tokens": 9, "completion_tokens": n}} for n in (1, 2, 2)), record({}, "stop"), DONE)
    events = read(stream)
    assert (said(events), usages_of(events)) == ([("text", "aaa")], [Usage(9, 1), Usage(9, 2)])


def test_usage_before_the_first_word_waits_for_it() -> None:
    events = read(a_stream({**record({"role": "assistant"}), "usage": {"prompt_tokens": 9, "completion_tokens": 0}}, text("a")))
    assert events[:2] == [Started("r1", "m", 7), UsageSeen(Usage(9, 0))]


def test_usage_without_choices_is_read() -> None:
    assert usages_of(read(a_stream(text("a"), {"usage": {"prompt_tokens": 1}}))) == [Usage(1)]


def test_usage_is_found_in_odd_places() -> None:
    groq = {**record({}, "stop"), "x_groq": {"id": "q", "usage": {"prompt_tokens": 5}}}
    assert usages_of(read(sse(text("a"), groq, DONE))) == [Usage(5)]
    moonshot = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 6}}]}
    assert usages_of(read(sse(text("a"), moonshot, DONE))) == [Usage(6)]


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"prompt_tokens": 1.0, "completion_tokens": "2"}, Usage(1, 2)),
        ({"prompt_tokens": None, "completion_tokens": 3}, Usage(None, 3)),
        ({"prompt_tokens": "x", "completion_tokens": True, "total_tokens": 4}, None),
        ({"prompt_tokens": -1}, None),
        ({"prompt_tokens": 2**64 - 1, "completion_tokens": "1e25", "prompt_cache_hit_tokens": 1e300}, None),
        ({"prompt_tokens": 2**53, "completion_tokens": 2**53 - 1}, Usage(None, 2**53 - 1)),
        ({}, None),
        ("9", None),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2}}, Usage(9, None, 4, 2)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cache_creation_tokens": 3}}, Usage(9, None, None, 3)),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 7}, Usage(9, None, 7)),
        ({"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}}, Usage(None, 9, None, None, 5)),
        ({"prompt_tokens": 0, "prompt_tokens_details": None, "completion_tokens_details": 7}, Usage(0)),
    ],
)
def test_counts_of_all_kinds_are_read_and_none_is_made_up(raw: object, usage: Usage | None) -> None:
    assert usages_of(read(a_stream({**text("a"), "usage": raw}))) == ([] if usage is None else [usage])


def counted(**raw: Any) -> Usage:
    """The usage of an answer whose server says so."""
    (usage,) = usages_of(read(a_stream({**text("a"), "usage": raw})))
    return usage


def details(reasoning: int, **others: int) -> dict[str, int]:
    return {"reasoning_tokens": reasoning, **others}


@pytest.mark.parametrize(
    ("completion", "reasoning", "total"),
    [(1, 386, 399), (6, 89, 12 + 6 + 89), (1499, 809, 12 + 1499 + 809), (0, 60, 72), (1, 386, None), (1, 386, 0)],
)
def test_thoughts_that_are_counted_beside_the_answer_are_a_part_of_what_was_made(
    completion: int, reasoning: int, total: int | None
) -> None:
    told = {"prompt_tokens": 12, "completion_tokens": completion, "completion_tokens_details": details(reasoning)}
    assert counted(**told, **({} if total is None else {"total_tokens": total})) == Usage(12, completion + reasoning, None, None, reasoning)


@pytest.mark.parametrize(
    ("completion", "reasoning", "total"),
    [
        (266, 261, 12 + 266),
        (266, 261, None),
        (266, 261, 0),
        (266, 266, 12 + 266),
        (266, 261, 12),
        (266, 0, 400),
        (266, 261, 12 + 266 + 7),
        (1, 386, 13),
        (1, 386, 20),
    ],
)
def test_thoughts_that_may_be_among_the_answers_tokens_are_counted_once(completion: int, reasoning: int, total: int | None) -> None:
    told = {"prompt_tokens": 12, "completion_tokens": completion, "completion_tokens_details": details(reasoning)}
    assert counted(**told, **({} if total is None else {"total_tokens": total})) == Usage(12, completion, None, None, reasoning)


def test_thoughts_that_stand_in_the_total_alone_are_a_part_of_what_was_made() -> None:
    assert counted(prompt_tokens=8, completion_tokens=12, total_tokens=350) == Usage(8, 342)
    assert counted(prompt_tokens="8", completion_tokens=12.0, total_tokens="350") == Usage(8, 342)
    cached = {"prompt_tokens_details": {"cached_tokens": 5}}
    assert counted(prompt_tokens=8, completion_tokens=12, total_tokens=350, **cached) == Usage(8, 342, 5)
    assert counted(prompt_tokens=8, total_tokens=350) == Usage(8, 342)
    assert counted(prompt_tokens=8, total_tokens=350, completion_tokens_details=details(342)) == Usage(8, 342, None, None, 342)
    assert counted(prompt_tokens=8, completion_tokens=12, total_tokens=350, reasoning_tokens=330) == Usage(8, 342)
    parts = {"input_tokens": 8, "output_tokens": 12, "completion_tokens_details": {"text_tokens": 12}}
    assert counted(prompt_tokens=8, completion_tokens=12, total_tokens=40, **parts) == Usage(8, 32)
    for thoughts in (8 + 8, 8 + 12, 12 + 12):  # What prompt and completion happen to add up to.
        assert counted(prompt_tokens=8, completion_tokens=12, total_tokens=20 + thoughts) == Usage(8, 12 + thoughts)
    assert counted(prompt_tokens=8, completion_tokens=None, total_tokens=8) == Usage(8)


CACHED = {"cached_tokens": 100, "cache_write_tokens": 30}


@pytest.mark.parametrize(
    "odd",
    [
        {"total_tokens": 0},
        {"total_tokens": 12},
        {"total_tokens": -1},
        {"total_tokens": None},
        {"total_tokens": 150 + 12 + 150},
        {"total_tokens": 150 + 12 + 12},
        {"total_tokens": 150 + 12 + 100, "prompt_tokens_details": CACHED},
        {"total_tokens": 150 + 12 + 30, "prompt_tokens_details": CACHED},
        {"total_tokens": 150 + 12 + 130, "prompt_tokens_details": CACHED},
        {"total_tokens": 150 + 12 + 130, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30},
        {"total_tokens": 150 + 12 + 100, "prompt_cache_hit_tokens": 100, "prompt_cache_miss_tokens": 50},
        {"total_tokens": 150 + 12 + 77, "connector_tokens": 77},
        {"total_tokens": 150 + 12 + 150 + 100, "prompt_tokens_details": CACHED},
        {"total_tokens": 150 + 12 + 5, "completion_tokens_details": {"audio_tokens": 5}},
    ],
)
def test_a_total_that_counts_something_twice_or_nothing_changes_no_count(odd: dict[str, Any]) -> None:
    usage = counted(prompt_tokens=150, completion_tokens=12, **odd)
    assert (usage.prompt_tokens, usage.completion_tokens) == (150, 12)


def test_thousands_of_counts_beside_an_odd_total_take_no_time() -> None:
    began_s = time.process_time()
    assert counted(prompt_tokens=8, completion_tokens=12, total_tokens=10**9, **{f"n{n}": n for n in range(50_000)}) == Usage(8, 10**9 - 8)
    assert time.process_time() - began_s < 2


def test_a_total_beside_an_unknown_prompt_says_nothing() -> None:
    assert counted(completion_tokens=12, total_tokens=350) == Usage(None, 12)
