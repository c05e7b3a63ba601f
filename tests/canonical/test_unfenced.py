"""Fences of Markdown around JSON go, however the text is cut; everything else stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import ChatEvent, Failed, PartClosed, PartDelta, PartOpened
from proxy.canonical.unfenced import Unfenced
from proxy.errors import UpstreamBroken


def left_of(pieces: Sequence[str], kind: str = "text", end: ChatEvent | None = None) -> str:
    cutter = Unfenced()
    events = [event for one in [PartOpened(kind), *map(PartDelta, pieces), end or PartClosed()] for event in cutter.feed([one])]  # type: ignore[arg-type]
    assert isinstance(events[0], PartOpened)
    assert events[-1] == (end or PartClosed())
    return "".join(event.text for event in events if isinstance(event, PartDelta))


def in_pieces(text: str, size: int) -> list[str]:
    return [text[place : place + size] for place in range(0, len(text), size)]


TEXTS = [
    ('```json\n{"a":1}\n```', '{"a":1}'),
    ('\n```\n{"a":1}```\n', '\n{"a":1}\n'),
    ('```JSON \r\n{"a":\n 1}\r\n```  ', '{"a":\n 1}'),
    ('```json\n{"a":"```"}\n```', '{"a":"```"}'),
    ('```json\n{"a":', '{"a":'),
    ('```json\n{"a":1}\n```\nThat is all.', '{"a":1}\nThat is all.'),
    ('```json\r\n{"a":1}\r\n``` \r\n```\r\n', '{"a":1}\r\n```\r\n'),
    ('```json\n{"a":1} \n\n   ```', '{"a":1} \n'),
    ('{"a":"```json\\n"}\n', '{"a":"```json\\n"}\n'),
    ("``", "``"),
    ("`x` ```", "`x` ```"),
    (" \n", " \n"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "left"), TEXTS)
def test_fence_around_a_text_goes_however_it_is_cut(text: str, left: str) -> None:
    for size in range(1, len(text) + 2):
        assert left_of(in_pieces(text, size)) == left


@given(st.lists(st.text('`{}"a \r\n', max_size=4), max_size=12))
def test_what_is_left_is_the_same_however_it_is_cut(pieces: list[str]) -> None:
    fenced = ["```", "json", "\n", *pieces]
    assert left_of(fenced) == left_of(["".join(fenced)]) == left_of(list("".join(fenced)))


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


@pytest.mark.parametrize("begin", ["", "```json\n", "```json\n{", "{"])
@pytest.mark.parametrize("piece", ["\n", " ", "\r", "`", "a", "` ", "\n```", "{} ``"])
def test_little_is_held_however_much_comes(begin: str, piece: str) -> None:
    """What a delta costs is bounded by what is held: a model that is caught in blanks must not keep the worker busy."""
    cutter = Unfenced()
    missing = 0
    for event in [PartOpened("text"), PartDelta(begin), *[PartDelta(piece)] * 300]:
        missing += len(event.text) if isinstance(event, PartDelta) else 0
        missing -= sum(len(told.text) for told in cutter.feed([event]) if isinstance(told, PartDelta))
        assert missing < 80


TOKENS = ["```", "json", "\n", '{"', "a", '":', "1", "}\n", "```", "\n", "Yes"]


def item(token: str) -> dict[str, Any]:
    return {"token": token, "logprob": -0.5, "top_logprobs": []}


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("most", [len(TOKENS), len(TOKENS) - 1, len(TOKENS) - 2])
def test_log_probabilities_stay_with_the_tokens_that_stay(whole: bool, most: int) -> None:
    tokens = TOKENS[:most]
    deltas = [PartDelta("".join(tokens), [*map(item, tokens)])] if whole else [PartDelta(token, [item(token)]) for token in tokens]
    events = Unfenced().feed([PartOpened("text"), *deltas, PartClosed()])
    said = [event for event in events if isinstance(event, PartDelta)]
    assert "".join(delta.text for delta in said) == '{"a":1}' + "".join(tokens[9:])
    left = [one["token"] for delta in said for one in delta.logprobs or ()]
    assert left == ['{"', "a", '":', "1", *tokens[9:]]  # Half of the token with the brace is gone, and its probability with it.
