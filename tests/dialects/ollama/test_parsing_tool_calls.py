"""Tool calls of the history and their results: rules of translation 1.11, as an upstream gets them."""

from __future__ import annotations

import re
from typing import Any

from proxy.canonical.request import ImagePart, Message, TextPart, ToolCallPart, ToolResultPart
from proxy.dialects.ollama.parsing import parse_chat

PIXEL = "iVBORw0KGgo="


def a_call(name: str = "f", arguments: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments or {}}, **changes}


def calling(*calls: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": list(calls), **changes}


def a_result(content: str = "done", **changes: Any) -> dict[str, Any]:
    return {"role": "tool", "content": content, **changes}


def said(content: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content}


def conversation(*rows: dict[str, Any]) -> tuple[Message, ...]:
    return parse_chat({"model": "m", "messages": list(rows)}).messages


def calls_of(messages: tuple[Message, ...]) -> list[ToolCallPart]:
    return [part for message in messages for part in message.parts if isinstance(part, ToolCallPart)]


def results_of(messages: tuple[Message, ...]) -> list[ToolResultPart]:
    return [part for message in messages for part in message.parts if isinstance(part, ToolResultPart)]


def answers(messages: tuple[Message, ...]) -> dict[str, str]:
    """Tool arguments -> text of the result that went with the call."""
    arguments = {call.id: call.arguments for call in calls_of(messages)}
    return {
        arguments[result.call_id]: "".join(part.text for part in result.parts if isinstance(part, TextPart))
        for result in results_of(messages)
    }


def test_case_60_swapped_results_find_their_calls_by_tool_name() -> None:
    messages = conversation(calling(a_call("f"), a_call("g")), a_result("of g", tool_name="g"), a_result("of f", tool_name="f"))
    f, g = calls_of(messages)
    assert [(result.call_id, result.name, result.parts[0]) for result in results_of(messages)] == [
        (f.id, "f", TextPart("of f")),
        (g.id, "g", TextPart("of g")),
    ]


def test_case_60_results_of_one_name_are_paired_by_position() -> None:
    messages = conversation(
        calling(a_call("f", {"n": 1}), a_call("f", {"n": 2})), a_result("one", tool_name="f"), a_result("two", tool_name="f")
    )
    assert answers(messages) == {'{"n":1}': "one", '{"n":2}': "two"}


def test_case_61_a_nameless_result_after_one_call_is_paired() -> None:
    messages = conversation(calling(a_call("f")), a_result("done"))
    assert results_of(messages) == [ToolResultPart(calls_of(messages)[0].id, "f", (TextPart("done"),))]


def test_fact_53_nameless_results_are_paired_by_position() -> None:
    messages = conversation(calling(a_call("f", {"n": 1}), a_call("g", {"n": 2})), a_result("one"), a_result("two"))
    assert answers(messages) == {'{"n":1}': "one", '{"n":2}': "two"}


def test_results_with_ids_are_paired_by_id_before_anything_else() -> None:
    messages = conversation(
        calling(a_call("f", {"n": 1}, id="a"), a_call("f", {"n": 2}, id="b")),
        a_result("two", tool_name="f", tool_call_id="b"),
        a_result("one", tool_name="f", tool_call_id="a"),
    )
    assert answers(messages) == {'{"n":1}': "one", '{"n":2}': "two"}
    assert [call.id for call in calls_of(messages)] == ["a", "b"]


def test_a_result_whose_id_the_client_dropped_from_the_call_is_paired_by_name() -> None:
    messages = conversation(
        calling(a_call("f", {"n": 1}), a_call("g", {"n": 2})),
        a_result("two", tool_name="g", tool_call_id="call_unknown"),
        a_result("one", tool_name="f", tool_call_id="call_other"),
    )
    assert answers(messages) == {'{"n":1}': "one", '{"n":2}': "two"}


def test_made_up_ids_look_like_ollamas_and_differ() -> None:
    messages = conversation(calling(a_call("f"), a_call("f"), a_call("g")))
    ids = [call.id for call in calls_of(messages)]
    assert len(set(ids)) == 3
    assert all(re.fullmatch("call_[0-9A-Za-z]{8}", made_up) for made_up in ids)


def test_made_up_ids_stay_the_same_as_the_conversation_grows() -> None:
    turns = [said("hi"), calling(a_call("f", {"n": 1})), a_result("one"), calling(a_call("f", {"n": 1})), a_result("again")]
    short, whole = calls_of(conversation(*turns[:3])), calls_of(conversation(*turns, said("thanks")))
    assert short == whole[:1]
    assert whole == calls_of(conversation(said("another start"), *turns[1:]))
    assert whole[0].id != whole[1].id


def test_an_id_that_comes_twice_is_replaced_and_results_stay_with_the_nearest_turn() -> None:
    messages = conversation(
        calling(a_call("f", {"n": 1}, id="0")),
        a_result("one", tool_call_id="0"),
        calling(a_call("f", {"n": 2}, id="0")),
        a_result("two", tool_call_id="0"),
    )
    first, second = calls_of(messages)
    assert (first.id, second.id != "0") == ("0", True)
    assert answers(messages) == {'{"n":1}': "one", '{"n":2}': "two"}


def test_a_result_belongs_to_the_latest_turn_only() -> None:
    messages = conversation(
        calling(a_call("f", {"n": 1}, id="a")),
        a_result("one", tool_call_id="a"),
        calling(a_call("f", {"n": 2}, id="b")),
        a_result("two", tool_call_id="a"),
    )
    assert answers(messages) == {'{"n":1}': "one", '{"n":2}': "two"}


def test_more_results_than_calls_are_read_as_user_text() -> None:
    messages = conversation(calling(a_call("f")), a_result("one"), a_result("two"), a_result("three"))
    assert [message.role for message in messages] == ["assistant", "tool", "user", "user"]
    assert messages[2].parts == (TextPart("two"),)


def test_a_result_without_any_call_is_read_as_user_text() -> None:
    assert conversation(a_result("out of the blue", tool_name="f")) == (Message("user", (TextPart("out of the blue"),)),)


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    messages = conversation(calling(a_call("f", {"n": 1}), a_call("g", {"n": 2})), a_result("one"), said("never mind"))
    assert [message.role for message in messages] == ["assistant", "tool", "tool", "user"]
    assert answers(messages) == {'{"n":1}': "one", '{"n":2}': "(no result)"}
    assert [result.is_error for result in results_of(messages)] == [False, True]


def test_a_late_result_stands_behind_its_turn() -> None:
    messages = conversation(calling(a_call("f")), said("wait, also this"), a_result("done"))
    assert [message.role for message in messages] == ["assistant", "tool", "user"]


def test_calls_of_one_turn_in_several_messages_become_one_message() -> None:
    messages = conversation(calling(a_call("f", {"n": 1})), calling(a_call("g", {"n": 2})), a_result("one"), a_result("two"))
    assert [message.role for message in messages] == ["assistant", "tool", "tool"]
    assert answers(messages) == {'{"n":1}': "one", '{"n":2}': "two"}


def test_plain_assistant_messages_in_a_row_stay_apart() -> None:
    messages = conversation(said("a", "assistant"), said("b", "assistant"), calling(a_call("f")), a_result())
    assert [message.role for message in messages] == ["assistant", "assistant", "assistant", "tool"]


def test_text_and_calls_of_one_message_stay_together() -> None:
    (message, _) = conversation(calling(a_call("f"), content="let me see"))
    assert [type(part) for part in message.parts] == [TextPart, ToolCallPart]


def test_a_picture_in_a_result_stays_with_it() -> None:
    messages = conversation(calling(a_call("f")), a_result("look", images=[PIXEL]))
    assert results_of(messages)[0].parts == (TextPart("look"), ImagePart(mime="image/png", data=PIXEL))


def test_an_empty_result_has_no_parts() -> None:
    assert results_of(conversation(calling(a_call("f")), {"role": "tool", "content": None}))[0].parts == ()
