from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.grammar import check
from proxy.canonical.think_tags import ThinkTagSplitter
from proxy.errors import UpstreamBroken
from tests.canonical.streams import a_stream, a_text, cuts_of, merged, texts_of, token


def split(events: list[ChatEvent], *, preopened: bool = False) -> list[ChatEvent]:
    splitter = ThinkTagSplitter(preopened=preopened)
    out = [later for event in events for later in splitter.feed([event])]
    check(out)
    assert splitter.done
    assert splitter.close() == []
    return out


def parts_of(*deltas: str, end: ChatEvent | None = None, preopened: bool = False) -> list[tuple[str, str]]:
    return texts_of(split(a_stream(a_text(*deltas), end=end), preopened=preopened))


@pytest.mark.parametrize("tag", ["think", "thinking", "thought", "reasoning"])
def test_a_tag_at_the_start_is_split_off(tag: str) -> None:
    assert parts_of(f"<{tag}>a</{tag}>b") == [("reasoning", "a"), ("text", "b")]


@pytest.mark.parametrize("deltas", [["<th", "ink>a</thi", "nk>\n\nb"], list("<think>a</think>\n\nb"), ["\n <think>\na</think>\r\n", "\nb"]])
def test_tags_may_be_cut_anywhere_and_no_line_end_is_left_next_to_them(deltas: list[str]) -> None:
    assert parts_of(*deltas) == [("reasoning", "a"), ("text", "b")]


@pytest.mark.parametrize(
    "text", ["Use <think> so: <think>a</think>", "<thin", "<b>a</b>", "<thinker>a</thinker>", " \n", "<Think>a</Think>"]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert parts_of(*text) == [("text", text)]


def test_not_many_blanks_are_held_while_a_tag_may_come() -> None:
    splitter = ThinkTagSplitter()
    told = splitter.feed([PartOpened("text"), *[PartDelta("\n")] * 100])
    assert sum(len(event.text) for event in told if isinstance(event, PartDelta)) == 100
    blanks, late = "\n" * 64, "\n" * 65 + "<think>a</think>b"
    assert parts_of(f"{blanks}<think>a</think>b") == [("reasoning", "a"), ("text", "b")]
    assert parts_of(late) == parts_of(*late) == [("text", late)]


def test_a_closing_tag_is_only_its_own() -> None:
    assert parts_of("<think>a</thinking></thought>b</think>c") == [("reasoning", "a</thinking></thought>b"), ("text", "c")]


def test_tags_later_in_the_text_stay() -> None:
    assert parts_of("<think>a</think>b<think>c</think>") == [("reasoning", "a"), ("text", "b<think>c</think>")]


def test_no_thoughts_make_no_part() -> None:
    assert parts_of("<think>\n\n</think>\n\nHi") == [("text", "Hi")]


def test_a_prompt_may_hold_the_opening_tag() -> None:
    assert parts_of("a</th", "ink>b", preopened=True) == [("reasoning", "a"), ("text", "b")]
    assert parts_of("a</thought>\nb", preopened=True) == [("reasoning", "a"), ("text", "b")]


def test_thoughts_pass_while_they_come() -> None:
    splitter = ThinkTagSplitter()
    assert splitter.feed([PartOpened("text"), PartDelta("<think>ab</")]) == [PartOpened("reasoning"), PartDelta("ab")]
    assert splitter.feed([PartDelta("i>c")]) == [PartDelta("</i>c")]


def test_after_the_text_has_begun_events_pass_untouched() -> None:
    splitter = ThinkTagSplitter()
    assert splitter.feed([Started("id"), PartOpened("text"), PartDelta("Hi")]) == [Started("id"), PartOpened("text"), PartDelta("Hi")]
    assert splitter.done
    rest: list[ChatEvent] = [PartDelta("<think>"), PartClosed(), Finished("stop")]
    assert splitter.feed(rest) == rest


def test_an_answer_with_reasoning_of_its_own_is_left_alone() -> None:
    events = a_stream([PartOpened("reasoning"), PartDelta("r"), PartClosed()], a_text("<think>a</think>b"))
    assert split(events) == events


def test_an_answer_that_begins_with_a_call_is_left_alone() -> None:
    events = a_stream([PartOpened("tool_call", "a", "f"), PartDelta("{}"), PartClosed()], a_text("<think>a</think>b"))
    assert split(events) == events


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("<think>a", Finished("length"), [("reasoning", "a")]),
        ("<think>a</thi", Finished("length"), [("reasoning", "a</thi")]),
        ("<think>a", Finished("stop"), [("reasoning", "a")]),
        ("<think>a</thi", Finished("stop"), [("reasoning", "a"), ("text", "</thi")]),
        ("<think>a</thi", Failed(UpstreamBroken("x")), [("reasoning", "a</thi")]),
        ("<thi", Failed(UpstreamBroken("x")), [("text", "<thi")]),
        ("<thi", Finished("length"), [("text", "<thi")]),
        ("<think>", Finished("length"), []),
        ("<think>a</think>\n", Finished("length"), [("reasoning", "a")]),
    ],
)
def test_an_answer_may_end_inside_the_tags(text: str, end: ChatEvent, expected: list[tuple[str, str]]) -> None:
    assert parts_of(*text, end=end) == expected
    assert parts_of(text, end=end) == expected


def test_a_call_may_come_before_the_closing_tag() -> None:
    call = [PartOpened("tool_call", "a", "f"), PartDelta("{}"), PartClosed()]
    assert merged(split(a_stream(a_text("<think>a</"), call))) == a_stream([PartOpened("reasoning"), PartDelta("a</"), PartClosed()], call)


def test_a_failure_inside_a_part_lets_go_of_what_is_held() -> None:
    failure = Failed(UpstreamBroken("x"))
    assert split([Started("id"), PartOpened("text"), PartDelta("<thi"), failure]) == [Started("id"), *a_text("<thi"), failure]


def test_other_events_pass_at_once() -> None:
    splitter = ThinkTagSplitter()
    events: list[ChatEvent] = [KeepAlive(), Started("id"), UsageSeen(Usage(1))]
    assert splitter.feed([PartOpened("text"), PartDelta("<"), *events]) == events


def test_what_is_held_comes_out_when_the_events_stop() -> None:
    splitter = ThinkTagSplitter()
    splitter.feed([Started("id"), PartOpened("text"), PartDelta("<thi")])
    assert splitter.close() == a_text("<thi")


def test_log_probabilities_go_with_their_text() -> None:
    tokens = ["<think>", "\n", "a", "b</", "think", ">\n", "c", "d"]
    out = split(a_stream(a_text(*map(token, tokens))))
    told: dict[str, list[str]] = {"reasoning": [], "text": []}
    kind = ""
    for event in out:
        if isinstance(event, PartOpened):
            kind = event.kind
        elif isinstance(event, PartDelta):
            told[kind] += [item["token"] for item in event.logprobs or ()]
    assert told == {"reasoning": ["a"], "text": ["c", "d"]}, "a token of which only a part is left has no place"


TEXTS = st.lists(st.sampled_from(["<think>", "</think>", "<thinking>", "</thinking>", "a", "\n", " ", "<", "</th"]), max_size=6).map(
    "".join
)


@given(TEXTS, st.sampled_from(["stop", "length"]), st.booleans(), st.data())
def test_any_cut_gives_the_same_parts(text: str, reason: str, preopened: bool, data: st.DataObject) -> None:
    end = Finished(reason)  # type: ignore[arg-type]
    pieces = split(a_stream(a_text(*data.draw(cuts_of(text))), end=end), preopened=preopened)
    assert merged(pieces) == merged(split(a_stream(a_text(text), end=end), preopened=preopened))
