"""How the turns of a chat are read: words, thoughts, calls and results."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.request import Message, ReasoningPart, RefusalPart, TextPart, ToolCallPart, ToolResultPart
from tests.dialects.openai.asked import conversation


def test_roles_and_names_are_kept() -> None:
    said = [{"role": role, "content": "x", "name": "n"} for role in ("system", "developer", "user", "assistant")]
    assert conversation(*said) == tuple(Message(message["role"], (TextPart("x"),), "n") for message in said)  # type: ignore[arg-type]


def test_a_turn_of_the_model_and_a_result_may_have_no_content() -> None:
    call = {
        "role": "assistant",
        "content": [],
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    turns = conversation({"role": "user", "content": "hi"}, call, {"role": "tool", "tool_call_id": "a", "content": []})
    assert [turn.parts for turn in turns[1:]] == [(ToolCallPart("a", "f", "{}"),), (ToolResultPart("a", "f", ()),)]


def test_a_turn_of_the_model_has_thoughts_words_and_calls() -> None:
    turn = {
        "role": "assistant",
        "reasoning_content": "plan",
        "content": None,
        "refusal": "no",
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}],
    }
    result = {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "1"}]}
    assert conversation(turn, result) == (
        Message("assistant", (ReasoningPart("plan"), RefusalPart("no"), ToolCallPart("a", "f", '{"x": 1}'))),
        Message("tool", (ToolResultPart("a", "f", (TextPart("1"),)),)),
    )


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ({"reasoning": "plan"}, ReasoningPart("plan")),
        ({"reasoning_content": "plan", "reasoning": "plan"}, ReasoningPart("plan")),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "p", "signature": "s"}]}, ReasoningPart("p", "s", "anthropic")),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "p", "signature": "gemini:s"}]}, ReasoningPart("p", "s", "gemini")),
        ({"thinking_blocks": [{"type": "redacted_thinking", "data": "d"}]}, ReasoningPart("", "d", "anthropic", redacted=True)),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "p"}], "reasoning": "q"}, ReasoningPart("p")),
        ({"thinking_blocks": [{"type": "thinking"}], "reasoning": "q"}, ReasoningPart("q")),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "p"}]}]}, ReasoningPart("p")),
        ({"content": [{"type": "thinking", "thinking": "p"}]}, ReasoningPart("p")),
    ],
)
def test_thoughts_come_back_in_many_forms(said: Any, part: ReasoningPart) -> None:
    assert conversation({"role": "assistant", **said})[0].parts == (part,)


def test_a_chat_does_not_tell_where_one_of_several_signed_thoughts_stood() -> None:
    blocks = [{"type": "thinking", "thinking": "p", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}]
    parts = conversation({"role": "assistant", "thinking_blocks": blocks})[0].parts
    assert parts == (
        ReasoningPart("p", "s", "anthropic", is_loose=True),
        ReasoningPart("", "d", "anthropic", redacted=True, is_loose=True),
    )


def test_signatures_of_calls_come_back_where_google_has_them() -> None:
    for word, found in (("QQ==", ("QQ==", "gemini")), ("anthropic:s", ("s", "anthropic"))):
        call = {"id": "a", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": word}}}
        part = conversation({"role": "assistant", "tool_calls": [call]})[0].parts[0]
        assert isinstance(part, ToolCallPart)
        assert (part.opaque, part.origin) == found


def test_arguments_stay_what_they_are_even_broken_and_objects_become_text() -> None:
    for given, kept in (("", ""), ('{"x":', '{"x":'), ({"x": 2**70}, f'{{"x":{2**70}}}'), (None, "")):
        call = {"id": "a", "function": {"name": "f", "arguments": given}}
        part = conversation({"role": "assistant", "tool_calls": [call]})[0].parts[0]
        assert isinstance(part, ToolCallPart)
        assert part.arguments == kept


def test_results_stand_behind_their_calls_and_every_call_has_one() -> None:
    calls = [{"id": call_id, "function": {"name": call_id * 2, "arguments": "{}"}} for call_id in "ab"]
    found = conversation(
        {"role": "assistant", "tool_calls": calls},
        {"role": "user", "content": "wait"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "tool", "tool_call_id": "zzz", "content": "lost"},
    )
    assert found[1:] == (
        Message("tool", (ToolResultPart("a", "aa", (TextPart("(no result)"),), is_error=True),)),
        Message("tool", (ToolResultPart("b", "bb", (TextPart("2"),)),)),
        Message("user", (TextPart("wait"),)),
        Message("user", (TextPart("lost"),)),
    )


def test_ids_that_come_again_in_later_turns_are_told_apart() -> None:
    turn = {"role": "assistant", "tool_calls": [{"id": "0", "function": {"name": "f", "arguments": "{}"}}]}
    result = {"role": "tool", "tool_call_id": "0", "content": "x"}
    found = conversation(turn, result, turn, result)

    ids = [part.id for message in found for part in message.parts if isinstance(part, ToolCallPart)]
    assert ids == [part.call_id for message in found for part in message.parts if isinstance(part, ToolResultPart)]
    assert len(set(ids)) == 2
