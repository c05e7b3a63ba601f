from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.keepsakes import Keeping, with_keepsakes
from proxy.canonical.request import ChatRequest, Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart

THOUGHT = ReasoningPart("hm", "c2ln", "anthropic")
CALL = ToolCallPart("toolu_0123456789", "look", '{"a": 1, "b": 2}', "b3duIQ==", "anthropic")
ECHOED = ToolCallPart("toolu_0123456789", "look", '{"b":2,"a":1}')
ASKED = (Message("system", (TextPart("be brief"),)), Message("user", (TextPart("look!"),)))


def kept_of(parts: Sequence[object], before: Sequence[Message] = ASKED) -> dict[str, bytes]:
    """What is kept of an answer to `before`."""
    keeping, kept, letters = Keeping(ChatRequest("m", tuple(before))), dict[str, bytes](), 0
    for part in parts:
        kept |= dict(keeping.take(part, letters))
        letters += len(part.text) if isinstance(part, TextPart) else 0
    return kept


def found_in(kept: Mapping[str, bytes]) -> Callable[[Sequence[Sequence[str]]], list[bytes | None]]:
    """What was kept, looked for as in a shelf."""
    return lambda wanted: [next((kept[key] for key in keys if key in kept), None) for keys in wanted]


def restored(parts: Sequence[Part], *answer: object) -> tuple[Part, ...]:
    """The parts of an assistant's turn after what was kept of `answer` came back."""
    return came_back(kept_of(answer), [*ASKED, Message("assistant", tuple(parts))])


def came_back(kept: dict[str, bytes], messages: Sequence[Message]) -> tuple[Part, ...]:
    """The parts of the last message after what was kept came back."""
    return with_keepsakes(ChatRequest("m", tuple(messages)), found_in(kept)).messages[-1].parts


def result(text: str) -> Message:
    return Message("tool", (ToolResultPart(CALL.id, "look", (TextPart(text),)),))


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


def test_a_call_behind_one_without_thoughts_gets_its_own() -> None:
    first = ToolCallPart("1", "see", "{}")
    assert restored((first, ECHOED), first, THOUGHT, CALL)[:2] == (first, THOUGHT)


def test_thoughts_come_back_whatever_became_of_the_ids() -> None:
    assert restored((ToolCallPart("call_made_up", "look", CALL.arguments),), THOUGHT, CALL)[0] == THOUGHT


def test_one_clients_thoughts_do_not_come_to_another_whose_call_has_the_same_id() -> None:
    kept = kept_of([THOUGHT, CALL], [Message("user", (TextPart("my name is Eve"),))])
    assert came_back(kept, [Message("user", (TextPart("my name is Bob"),)), Message("assistant", (ECHOED,))]) == (ECHOED,)


def test_thoughts_of_what_a_tool_said_come_back_only_where_it_said_that() -> None:
    turn = Message("assistant", (ECHOED,))
    kept = kept_of([THOUGHT, CALL], [*ASKED, turn, result("the diary of Eve")])
    assert came_back(kept, [*ASKED, turn, result("the diary of Bob"), turn]) == (ECHOED,)
    assert came_back(kept, [*ASKED, turn, result("the diary of Eve"), turn])[0] == THOUGHT


def test_the_same_call_in_a_later_turn_is_another_one() -> None:
    turn = Message("assistant", (ECHOED,))
    kept = kept_of([THOUGHT, CALL])
    assert came_back(kept, [*ASKED, turn, result("nothing"), turn]) == (ECHOED,)


def test_other_models_are_not_given_what_one_thought() -> None:
    kept = kept_of([THOUGHT, CALL])
    request = ChatRequest("other", (*ASKED, Message("assistant", (ECHOED,))))
    assert with_keepsakes(request, found_in(kept)) is request


def test_nothing_is_kept_where_there_is_nothing() -> None:
    assert kept_of([TextPart("hi"), ToolCallPart("toolu_0123456789", "look", "{}")]) == {}


def test_arguments_that_are_no_json_are_compared_as_they_are() -> None:
    broken = ToolCallPart("toolu_0123456789", "look", '{"a":', "c2ln", "gemini")
    assert restored((ToolCallPart(broken.id, "look", broken.arguments),), broken) == (broken,)


def test_nobody_is_asked_where_nothing_is_lacking() -> None:
    request = ChatRequest("m", (*ASKED, Message("assistant", (TextPart("hi"), CALL))))
    assert with_keepsakes(request, lambda _: 1 / 0) is request  # type: ignore[arg-type, return-value]


ISSUED = replace(CALL, id="call_0123456789abcdef01234567")
CLOCK = (Message("system", (TextPart("it is 12:01"),)), ASKED[1])


def test_an_id_of_ours_finds_its_call_whatever_became_of_what_was_said_before() -> None:
    kept = kept_of([THOUGHT, ISSUED])
    (thought, call) = came_back(kept, [*CLOCK, Message("assistant", (replace(ECHOED, id=ISSUED.id),))])
    assert (thought, call) == (THOUGHT, replace(ISSUED, arguments=ECHOED.arguments))


@pytest.mark.parametrize("changes", [{"name": "see"}, {"arguments": '{"a": 1, "b": 3}'}, {"id": "call_0123456789abcdef01234568"}])
def test_an_id_of_ours_finds_no_other_call(changes: dict[str, str]) -> None:
    other = replace(ECHOED, **{"id": ISSUED.id, **changes})  # type: ignore[arg-type]
    assert came_back(kept_of([THOUGHT, ISSUED]), [*CLOCK, Message("assistant", (other,))]) == (other,)


@pytest.mark.parametrize("numbered", ["call_0", "toolu_0123456789", "functions.look:0", "call_0123456789ABCDEF01234567", ""])
def test_an_id_that_is_not_ours_finds_nothing_by_itself(numbered: str) -> None:
    echoed = replace(ECHOED, id=numbered)
    assert came_back(kept_of([THOUGHT, replace(CALL, id=numbered)]), [*CLOCK, Message("assistant", (echoed,))]) == (echoed,)


def test_an_id_of_ours_is_not_given_what_another_model_thought() -> None:
    request = ChatRequest("other", (*ASKED, Message("assistant", (replace(ECHOED, id=ISSUED.id),))))
    assert with_keepsakes(request, found_in(kept_of([THOUGHT, ISSUED]))) is request


SECOND = ReasoningPart("then", "bGF0ZXI=", "anthropic")
OTHER = ToolCallPart("toolu_9876543210", "see", "{}")
LOOSE = (replace(THOUGHT, is_loose=True), replace(SECOND, is_loose=True))


def test_words_are_cut_where_something_stood_between() -> None:
    back = restored((TextPart("ABC"), ECHOED, OTHER), THOUGHT, TextPart("A"), CALL, SECOND, TextPart("B"), OTHER, TextPart("C"))
    assert back == (THOUGHT, TextPart("A"), replace(CALL, arguments=ECHOED.arguments), SECOND, TextPart("BC"), OTHER)


def test_each_thought_comes_back_once_and_knows_its_place_again() -> None:
    back = restored((*LOOSE, ECHOED, OTHER), THOUGHT, CALL, SECOND, OTHER)
    assert back == (THOUGHT, replace(CALL, arguments=ECHOED.arguments), SECOND, OTHER)


def test_places_come_back_though_every_call_is_signed() -> None:
    signed = replace(OTHER, opaque="b3RoZXI=", origin="anthropic")
    assert restored((*LOOSE, CALL, signed), THOUGHT, CALL, SECOND, signed) == (THOUGHT, CALL, SECOND, signed)


def test_a_call_of_which_nothing_is_kept_stays_before_what_came_behind_it() -> None:
    first = ToolCallPart("1", "see", "{}")
    assert restored((TextPart("AB"), first, ECHOED), TextPart("A"), first, THOUGHT, TextPart("B"), CALL)[:4] == (
        TextPart("A"),
        first,
        THOUGHT,
        TextPart("B"),
    )


def test_thoughts_whose_call_is_forgotten_stay_loose() -> None:
    kept = kept_of([THOUGHT, CALL, SECOND, OTHER])
    turn = [*ASKED, Message("assistant", (*LOOSE, OTHER))]
    assert came_back(kept, turn) == (*LOOSE, OTHER)


def test_what_was_kept_of_another_answer_to_the_same_words_stays_away() -> None:
    assert restored((*LOOSE, ECHOED, OTHER), ReasoningPart("new", "bmV3", "anthropic"), CALL, OTHER) == (*LOOSE, ECHOED, OTHER)
    resigned = replace(ECHOED, opaque="bmV3", origin="anthropic")
    assert restored((*LOOSE, resigned), THOUGHT, SECOND, CALL) == (*LOOSE, resigned)


def test_no_word_is_lost_though_the_client_changed_how_many_there_are() -> None:
    for said in ("", "A", "what a long text"):
        back = restored((TextPart(said), ECHOED, OTHER), THOUGHT, TextPart("AB"), CALL, SECOND, OTHER)
        assert "".join(part.text for part in back if isinstance(part, TextPart)) == said
        assert [part for part in back if not isinstance(part, TextPart)] == [
            THOUGHT,
            replace(CALL, arguments=ECHOED.arguments),
            SECOND,
            OTHER,
        ]


@pytest.mark.parametrize("letters", [1, 2, 3])
def test_a_mark_of_what_to_cache_is_not_doubled_where_a_thought_stood_amid_the_words(letters: int) -> None:
    said = TextPart("ABC", {"type": "ephemeral"})
    back = restored((said, ECHOED), TextPart("ABC"[:letters]), THOUGHT, TextPart("ABC"[letters:]), CALL)
    words = [part for part in back if isinstance(part, TextPart)]
    assert [(part.text, part.cache_hint) for part in words if part.cache_hint] == [("ABC"[letters:] or "ABC", said.cache_hint)]
    assert "".join(part.text for part in words) == "ABC"


@st.composite
def turns(draw: st.DrawFn) -> list[Part]:
    """What a model may answer: words, thoughts and calls in any order, a call at the end."""
    kinds = [*draw(st.lists(st.sampled_from(("words", "thought", "call")), max_size=8)), "call"]
    made: dict[str, Callable[[int], Part]] = {
        "words": lambda number: TextPart("ab世界"[: 1 + number % 4]),
        "thought": lambda number: ReasoningPart(f"hm{number}", f"S{number}", "anthropic"),
        "call": lambda number: ToolCallPart(f"call_{number}", "look", f'{{"n": {number}}}'),
    }
    return [made[kind](number) for number, kind in enumerate(kinds)]


def places(parts: Sequence[Part]) -> list[tuple[ReasoningPart, int, int]]:
    """How many letters and calls stand before each thought."""
    found, letters, calls = [], 0, 0
    for part in parts:
        match part:
            case ReasoningPart():
                found.append((part, letters, calls))
            case TextPart():
                letters += len(part.text)
            case _:
                calls += 1
    return found


@given(turns(), st.booleans())
def test_thoughts_stand_where_they_stood_whatever_a_chat_makes_of_their_turn(turn: list[Part], brings_thoughts: bool) -> None:
    thoughts = [replace(part, is_loose=True) for part in turn if isinstance(part, ReasoningPart)] if brings_thoughts else []
    text = "".join(part.text for part in turn if isinstance(part, TextPart))
    calls = [part for part in turn if isinstance(part, ToolCallPart)]
    back = restored((*thoughts, TextPart(text), *calls), *turn)
    assert places(back) == places(turn)
    assert "".join(part.text for part in back if isinstance(part, TextPart)) == text
    assert [part for part in back if isinstance(part, ToolCallPart)] == calls
