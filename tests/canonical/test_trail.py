from __future__ import annotations

import pytest

from proxy.canonical.request import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from proxy.canonical.trail import Trail

CALL = ToolCallPart("1", "look", '{"a": 1}')
SAID = TextPart("hi")


def key_after(*messages: Message) -> str:
    """The key of `CALL` behind these messages."""
    trail = Trail("m")
    trail.follow(messages)
    return trail.key_of(CALL)


def user(*parts: Part) -> Message:
    return Message("user", parts)


def results(text: str = "sunny", *, is_error: bool = False) -> Message:
    return Message("tool", (ToolResultPart("1", "look", (TextPart(text),), is_error),))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (user(SAID), user(TextPart("hi!"))),
        (user(SAID), Message("system", (SAID,))),
        (user(SAID), Message("user", (SAID,), "Bob")),
        (user(TextPart("ab"), TextPart("c")), user(TextPart("a"), TextPart("bc"))),
        (user(ImagePart("image/png", "AAAA")), user(ImagePart("image/png", "AAAB"))),
        (user(ImagePart(url="https://a/1")), user(ImagePart(url="https://a/2"))),
        (user(AudioPart("wav", "AAAA")), user(AudioPart("wav", "AAAB"))),
        (user(FilePart("text/plain", "AAAA", name="a")), user(FilePart("text/plain", "AAAB", name="a"))),
        (results(), results("rainy")),
        (results(), results(is_error=True)),
        (Message("assistant", (CALL,)), Message("assistant", (CALL, CALL))),
        (Message("assistant", (CALL,)), Message("assistant", (ToolCallPart("1", "look", '{"a": 2}'),))),
    ],
)
def test_what_others_said_and_the_model_called_tells_calls_apart(one: Message, other: Message) -> None:
    assert key_after(one) != key_after(other)


@pytest.mark.parametrize(
    "turn",
    [
        Message("assistant", (CALL, TextPart("I look"))),
        Message("assistant", (ReasoningPart("hm"), CALL)),
        Message("assistant", (CALL, RefusalPart("no"))),
        Message("assistant", (ToolCallPart("another id", "look", '{ "a":1 }', "c2ln", "gemini"),)),
    ],
)
def test_what_the_model_said_and_thought_does_not(turn: Message) -> None:
    assert key_after(user(SAID), turn, results()) == key_after(user(SAID), Message("assistant", (CALL,)), results())


def test_nothing_for_arguments_is_no_arguments() -> None:
    assert Trail("m").key_of(ToolCallPart("1", "look", " ")) == Trail("m").key_of(ToolCallPart("1", "look", "{}"))


def test_keys_are_told_by_message() -> None:
    keys = Trail("m").follow([user(SAID), Message("assistant", (CALL, CALL)), results()])
    assert [len(of_message) for of_message in keys] == [0, 2, 0]
    assert len(set(keys[1])) == 2
