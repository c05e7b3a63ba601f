"""Answers that begin with the words which they shall go on with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened
from proxy.canonical.grammar import check
from proxy.canonical.request import ChatRequest, Message, ReasoningPart, TextPart
from proxy.canonical.unrepeated import Unrepeated, own_last_words
from proxy.errors import UpstreamBroken
from tests.canonical.streams import a_stream, a_text, cuts_of, merged, texts_of, token

WORDS = '{"a":'


def left_of(*deltas: str | PartDelta, words: str = WORDS) -> list[ChatEvent]:
    """What is left of an answer with these deltas, each of which comes alone."""
    cutter = Unrepeated(words)
    return [event for whole in a_stream(a_text(*deltas)) for event in cutter.feed([whole])]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"a":1}', "1}"),
        ('{"a":', ""),
        ('{"a":{"a":1}}', '{"a":1}}'),
        ("1}", "1}"),
        ('{"b":1}', '{"b":1}'),
        (' {"a":1}', ' {"a":1}'),
        ('{"a"', '{"a"'),
        ("", ""),
    ],
)
def test_what_is_said_again_is_left_out_once_and_as_a_whole(text: str, left: str) -> None:
    @given(cuts_of(text))
    def however_it_is_cut(pieces: list[str]) -> None:
        events = left_of(*pieces)
        check(events)
        assert merged(events) == merged(a_stream(a_text(left)))

    however_it_is_cut()


def test_nothing_is_held_once_the_answer_goes_its_own_way() -> None:
    cutter = Unrepeated(WORDS)
    assert cutter.feed([PartOpened("text"), PartDelta('{"')]) == [PartOpened("text")]
    assert cutter.feed([KeepAlive()]) == [KeepAlive()]
    assert cutter.feed([PartDelta("b"), PartDelta('":')]) == [PartDelta('{"'), PartDelta("b"), PartDelta('":')]
    assert cutter.feed([PartDelta(WORDS)]) == [PartDelta(WORDS)]


def test_thoughts_before_the_text_do_not_count() -> None:
    thoughts: list[ChatEvent] = [PartOpened("reasoning"), PartDelta(WORDS), PartClosed()]
    events = Unrepeated(WORDS).feed(a_stream(thoughts, a_text('{"a":1}'), a_text(WORDS)))
    assert texts_of(events) == [("reasoning", WORDS), ("text", "1}"), ("text", WORDS)]


def test_text_behind_a_call_is_no_beginning() -> None:
    call: list[ChatEvent] = [PartOpened("tool_call", "a", "f"), PartDelta("{}"), PartClosed()]
    stream = a_stream(call, a_text(WORDS), end=Finished("tool_calls", "stop"))
    assert Unrepeated(WORDS).feed(stream) == stream


def test_log_probabilities_go_with_their_tokens() -> None:
    assert left_of(token('{"'), token('a":'), token("1"))[2:-2] == [token("1")]
    two = PartDelta('a":1', [{"token": 'a":', "logprob": -1.0}, {"token": "1", "logprob": -0.5}])
    assert left_of(token('{"'), two)[2:-2] == [token("1")]
    assert left_of(token('{"'), token("b"))[2:-2] == [token('{"'), token("b")]


def test_a_failure_in_the_midst_of_a_repetition_is_told() -> None:
    error = Failed(UpstreamBroken("cut"))
    events = Unrepeated(WORDS).feed([*a_stream(a_text('{"'))[:-2], error])
    check(events)
    assert events[-2:] == [PartDelta('{"'), error]


@given(st.text(max_size=3), st.text(max_size=6))
def test_only_the_beginning_is_looked_at(words: str, text: str) -> None:
    left = "".join(text for _, text in texts_of(left_of(*text, words=words)))
    assert left == text.removeprefix(words)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ((), ""),
        ((Message("user", (TextPart("hi"),)),), ""),
        ((Message("assistant", (TextPart("a"),)), Message("user", (TextPart("hi"),))), ""),
        ((Message("assistant", (ReasoningPart("hm"), TextPart("a"), TextPart("b"))),), "ab"),
    ],
)
def test_own_words_are_those_of_the_last_turn(messages: tuple[Message, ...], words: str) -> None:
    assert own_last_words(ChatRequest("m", messages)) == words


class CountingText(str):
    """A text that counts the characters which it is compared with."""

    __slots__ = ("compared",)
    compared: int

    def startswith(self, prefix: Any, start: Any = 0, end: Any = None, /) -> bool:
        self.compared += len(prefix)
        return super().startswith(prefix, start, end)


def test_long_words_are_compared_once() -> None:
    words = CountingText("word " * 2_000)
    words.compared = 0
    assert texts_of(left_of(*words, "on", words=words)) == [("text", "on")]
    assert words.compared <= len(words)
