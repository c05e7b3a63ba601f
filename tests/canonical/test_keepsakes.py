from __future__ import annotations

from collections.abc import Sequence

from proxy.canonical.keepsakes import keepsakes_of, with_keepsakes
from proxy.canonical.request import ChatRequest, Message, ReasoningPart, TextPart, ToolCallPart

THOUGHT = ReasoningPart("hm", "c2ln", "anthropic")
CALL = ToolCallPart("toolu_0123456789", "look", '{"a": 1, "b": 2}', "b3duIQ==", "anthropic")
ECHOED = ToolCallPart("toolu_0123456789", "look", '{"b":2,"a":1}')


def restored(parts: Sequence[object], *answer: object) -> tuple[object, ...]:
    """The parts of an assistant's turn after what was kept of `answer` came back."""
    kept = dict(keepsakes_of(answer))
    request = ChatRequest("m", (Message("assistant", tuple(parts)),))  # type: ignore[arg-type]
    return with_keepsakes(request, lambda keys: [kept.get(key) for key in keys]).messages[0].parts


def test_thoughts_and_signature_come_back_before_what_was_said() -> None:
    text = TextPart("I look")
    back = restored((text, ECHOED), THOUGHT, text, CALL)
    assert back == (THOUGHT, text, ToolCallPart(ECHOED.id, "look", ECHOED.arguments, CALL.opaque, "anthropic"))


def test_what_the_client_brought_itself_stays() -> None:
    mine = ReasoningPart("mine", "c2ln", "anthropic")
    assert restored((mine, CALL), THOUGHT, CALL) == (mine, CALL)
    assert restored((mine, ECHOED), THOUGHT, CALL)[0] == mine


def test_thoughts_without_signature_give_way_to_those_that_were_kept() -> None:
    assert restored((ReasoningPart("hm"), ECHOED), THOUGHT, CALL)[0] == THOUGHT


def test_thoughts_stand_before_the_call_that_they_led_to() -> None:
    other, later = ToolCallPart("toolu_9876543210", "see", "{}"), ReasoningPart("then", "bGF0ZXI=", "anthropic")
    back = restored((ECHOED, other), THOUGHT, CALL, later, other)
    assert [type(part).__name__ for part in back] == ["ReasoningPart", "ToolCallPart", "ReasoningPart", "ToolCallPart"]
    assert (back[0], back[2]) == (THOUGHT, later)


def test_calls_that_are_told_from_none_are_not_kept() -> None:
    assert list(keepsakes_of([THOUGHT, ToolCallPart("0", "look", "{}")])) == []


def test_nothing_is_kept_where_there_is_nothing() -> None:
    assert list(keepsakes_of([TextPart("hi"), ToolCallPart("toolu_0123456789", "look", "{}")])) == []


def test_arguments_that_are_no_json_are_compared_as_they_are() -> None:
    broken = ToolCallPart("toolu_0123456789", "look", '{"a":', "c2ln", "gemini")
    assert restored((ToolCallPart(broken.id, "look", broken.arguments),), broken) == (broken,)


def test_other_roles_are_left_alone() -> None:
    kept = dict(keepsakes_of([THOUGHT, CALL]))
    request = ChatRequest("m", (Message("user", (TextPart("hi"),)),))
    assert with_keepsakes(request, lambda keys: [kept.get(key) for key in keys]) is request
