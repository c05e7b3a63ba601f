"""Counts of OpenAI-style servers: when they come, where they stand, and which of them can be."""

from __future__ import annotations

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
