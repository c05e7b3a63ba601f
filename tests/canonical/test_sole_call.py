"""Answers of which one call is wanted at most."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import ChatEvent, Failed, Finished, PartClosed, PartDelta, PartOpened
from proxy.canonical.grammar import check
from proxy.canonical.sole_call import SoleCall
from proxy.errors import UpstreamBroken
from tests.canonical.streams import a_stream, a_text, texts_of


def a_call(name: str) -> list[ChatEvent]:
    return [PartOpened("tool_call", name, name), PartDelta('{"x":'), PartDelta("1}"), PartClosed()]


STREAM = a_stream(a_text("a"), a_call("f"), a_call("g"), a_text("b"), a_call("h"), end=Finished("tool_calls", "stop"))


@given(st.integers(0, len(STREAM)))
def test_further_calls_are_left_out_however_the_events_come(cut: int) -> None:
    sole = SoleCall()
    events = [*sole.feed(STREAM[:cut]), *sole.feed(STREAM[cut:])]

    check(events)
    assert texts_of(events) == [("text", "a"), ("tool_call", '{"x":1}'), ("text", "b")]
    assert events[-1] == Finished("tool_calls", "stop")


def test_a_failure_inside_a_further_call_is_told() -> None:
    error = Failed(UpstreamBroken("cut"))
    events = SoleCall().feed([*a_stream(a_call("f"), a_call("g"))[:-2], error])

    check(events)
    assert events[-1] is error


def test_an_answer_without_further_calls_stays_as_it_is() -> None:
    stream = a_stream(a_text("a"), a_call("f"))

    assert SoleCall().feed(stream) == stream
