from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.grammar import check
from proxy.canonical.stops import StopCutter
from proxy.errors import UpstreamBroken
from tests.canonical.streams import a_stream, a_text, cuts_of, merged, texts_of, token


def cut(stops: list[str], events: list[ChatEvent]) -> tuple[list[ChatEvent], str]:
    cutter = StopCutter(stops)
    out = [later for event in events for later in cutter.feed([event])]
    check(out)
    return out, cutter.matched


@pytest.mark.parametrize("deltas", [["abENDcd"], ["abE", "N", "Dcd"], ["ab", "END", "cd"], list("abENDcd")])
def test_text_ends_before_the_stop_sequence_however_it_is_cut(deltas: list[str]) -> None:
    out, matched = cut(["END", "FIN"], a_stream(a_text(*deltas)))
    assert merged(out) == [Started("id"), *a_text("ab"), Finished("stop", "stop", "END")]
    assert matched == "END"


def test_only_what_could_begin_a_stop_sequence_is_held_back() -> None:
    cutter = StopCutter(["END"])
    assert cutter.feed([PartOpened("text"), PartDelta("abEN")]) == [PartOpened("text"), PartDelta("ab")]
    assert cutter.feed([PartDelta("EE")]) == [PartDelta("ENE")]
    assert cutter.feed([PartClosed()]) == [PartDelta("E"), PartClosed()]


def test_the_stop_sequence_that_is_complete_first_counts() -> None:
    assert cut(["abcd", "bc"], a_stream(a_text("xabcd")))[1] == "bc"
    assert cut(["cd", "abcd"], a_stream(a_text("xabcd")))[1] == "abcd"


def test_nothing_comes_after_the_end() -> None:
    cutter = StopCutter(["x"])
    cutter.feed([Started("id"), PartOpened("text"), PartDelta("x")])
    assert cutter.feed([PartDelta("more"), PartClosed(), Finished("stop")]) == []


def test_usage_that_came_along_is_told() -> None:
    events = [Started("id"), *a_text("axb"), UsageSeen(Usage(1, 1)), UsageSeen(Usage(1, 2)), Finished("length")]
    assert StopCutter(["x"]).feed(events)[-3:] == [PartClosed(), UsageSeen(Usage(1, 2)), Finished("stop", "stop", "x")]


def test_reasoning_and_arguments_are_not_cut() -> None:
    parts = [
        *(PartOpened("reasoning"), PartDelta("END"), PartClosed()),
        *(PartOpened("tool_call", "a", "f"), PartDelta('{"x":"END"}'), PartClosed()),
        *(PartOpened("refusal"), PartDelta("END"), PartClosed()),
    ]
    assert cut(["END"], a_stream(parts)) == (a_stream(parts), "")


def test_calls_before_the_match_stay_the_reason() -> None:
    out, _ = cut(["x"], a_stream([PartOpened("tool_call", "a", "f"), PartDelta("{}"), PartClosed()], a_text("ax")))
    assert out[-1] == Finished("tool_calls", "stop", "x")


def test_a_match_does_not_span_parts() -> None:
    events = a_stream(a_text("aE"), [PartOpened("reasoning"), PartDelta("r"), PartClosed()], a_text("ND"))
    out, matched = cut(["END"], events)
    assert (merged(out), matched) == (events, "")


def test_a_failure_lets_go_of_what_is_held() -> None:
    failure = Failed(UpstreamBroken("x"))
    assert cut(["END"], [Started("id"), PartOpened("text"), PartDelta("aEN"), failure])[0][-2:] == [PartDelta("EN"), failure]


def test_other_events_pass_at_once() -> None:
    cutter = StopCutter(["END"])
    cutter.feed([Started("id"), PartOpened("text"), PartDelta("E")])
    assert cutter.feed([KeepAlive(), UsageSeen(Usage(1))]) == [KeepAlive(), UsageSeen(Usage(1))]


def test_log_probabilities_go_with_their_text() -> None:
    out, _ = cut(["END"], a_stream(a_text(token("a"), token("bE"), token("N"), token("x"), token("cE"), token("ND"))))
    deltas = [event for event in out if isinstance(event, PartDelta)]
    assert [(delta.text, [item["token"] for item in delta.logprobs or ()]) for delta in deltas] == [
        ("a", ["a"]),
        ("b", []),
        ("ENx", ["bE", "N", "x"]),
        ("c", []),
    ]


@given(st.text("abE", max_size=12), st.lists(st.text("abE", min_size=1, max_size=3), max_size=3), st.data())
def test_any_cut_gives_the_same_text(text: str, stops: list[str], data: st.DataObject) -> None:
    whole, matched = cut(stops, a_stream(a_text(text)))
    pieces, piecewise = cut(stops, a_stream(a_text(*data.draw(cuts_of(text)))))
    assert (merged(pieces), piecewise) == (merged(whole), matched)
    said = "".join(part for _, part in texts_of(whole))
    assert not any(stop in said for stop in stops)
    assert text.startswith(said + matched)
