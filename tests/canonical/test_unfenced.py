"""Fences of Markdown around JSON go, however the text is cut; everything else stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import ChatEvent, Failed, PartClosed, PartDelta, PartOpened
from proxy.canonical.unfenced import Unfenced
from proxy.errors import UpstreamBroken


def left_of(pieces: list[str], kind: str = "text", end: ChatEvent | None = None) -> str:
    cutter = Unfenced()
    events = [event for one in [PartOpened(kind), *map(PartDelta, pieces), end or PartClosed()] for event in cutter.feed([one])]  # type: ignore[arg-type]
    assert isinstance(events[0], PartOpened)
    assert events[-1] == (end or PartClosed())
    return "".join(event.text for event in events if isinstance(event, PartDelta))


TEXTS = [
    ('```json\n{"a":1}\n```', '{"a":1}'),
    ('\n```\n{"a":1}```\n', '{"a":1}'),
    ('```JSON \r\n{"a":\n 1}\r\n```  ', '{"a":\n 1}'),
    ('```json\n{"a":"```"}\n```', '{"a":"```"}'),
    ('```json\n{"a":', '{"a":'),
    ('{"a":"```json\\n"}\n', '{"a":"```json\\n"}\n'),
    ("``", "``"),
    ("`x` ```", "`x` ```"),
    (" \n", " \n"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "left"), TEXTS)
def test_fence_around_a_text_goes_however_it_is_cut(text: str, left: str) -> None:
    for size in range(1, len(text) + 2):
        assert left_of([text[place : place + size] for place in range(0, len(text), size)]) == left


@given(st.lists(st.text('`{}"a \n', max_size=4), max_size=12))
def test_what_does_not_begin_with_a_fence_stays(pieces: list[str]) -> None:
    text = "".join(pieces)
    if not text.strip().startswith("```"):
        assert left_of(pieces) == text


def test_thoughts_and_arguments_keep_theirs() -> None:
    assert left_of(["```json\n{}\n```"], "reasoning") == "```json\n{}\n```"
    assert left_of(["```json\n{}\n```"], "tool_call") == "```json\n{}\n```"


def test_what_is_held_is_told_before_a_failure() -> None:
    assert left_of(["```json\n{ `"], end=Failed(UpstreamBroken("cut"))) == "{ `"
    assert left_of(["``"], end=Failed(UpstreamBroken("cut"))) == "``"
