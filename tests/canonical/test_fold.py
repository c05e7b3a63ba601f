from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.completion import Completion, Usage
from proxy.canonical.events import Failed, Finished, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.fold import collect, completion_events
from proxy.canonical.grammar import check
from proxy.canonical.request import ReasoningPart, RefusalPart, TextPart, ToolCallPart
from proxy.errors import UpstreamBroken, UpstreamUnavailable
from tests.canonical.streams import a_stream, a_text, token


def test_a_stream_folds_to_its_answer() -> None:
    events = [
        Started("id", "m", 7),
        UsageSeen(Usage(1, 1)),
        *(PartOpened("reasoning"), PartDelta("hm", [{"token": "hm"}]), PartClosed("signature")),
        *a_text(token("He"), token("llo")),
        *(PartOpened("tool_call", "a", "f"), PartDelta('{"x"'), PartDelta(":1}"), PartClosed()),
        *(PartOpened("refusal"), PartDelta("no"), PartClosed()),
        UsageSeen(Usage(9, 8)),
        Finished("stop", "eos", "END"),
    ]
    assert collect(events) == Completion(
        id="id",
        model="m",
        created=7,
        parts=(ReasoningPart("hm", "signature"), TextPart("Hello"), ToolCallPart("a", "f", '{"x":1}'), RefusalPart("no")),
        finish_reason="stop",
        raw_reason="eos",
        stop_sequence="END",
        usage=Usage(9, 8),
        logprobs=({"token": "He", "logprob": -0.5}, {"token": "llo", "logprob": -0.5}),
    )


def test_parts_in_which_nothing_was_said_are_left_out() -> None:
    assert collect(a_stream(a_text(), a_text("", ""), [PartOpened("tool_call", "a", "f"), PartClosed()])).parts == (
        ToolCallPart("a", "f", ""),
    )


def test_the_error_of_a_failed_stream_is_raised() -> None:
    error = UpstreamUnavailable("slow down")
    with pytest.raises(UpstreamUnavailable) as raised:
        collect(a_stream(a_text("x"), end=Failed(error)))
    assert raised.value is error


def test_a_stream_that_just_stops_is_broken() -> None:
    with pytest.raises(UpstreamBroken, match="ended before it was complete"):
        collect(a_stream(a_text("x"))[:-1])


def test_log_probabilities_are_shared_out_among_the_text_parts() -> None:
    items = [{"token": "a"}, {"token": "b"}, {"token": "c"}]
    completion = Completion("id", "", 0, (TextPart("ab"), ReasoningPart("r"), TextPart("c")), "stop", logprobs=tuple(items))
    deltas = [event for event in completion_events(completion) if isinstance(event, PartDelta)]
    assert deltas == [PartDelta("ab", items[:2]), PartDelta("r"), PartDelta("c", items[2:])]


TEXT = st.text(min_size=1, max_size=5)
PARTS = st.lists(
    st.builds(TextPart, TEXT)
    | st.builds(ReasoningPart, TEXT, st.text(max_size=3))
    | st.builds(RefusalPart, TEXT)
    | st.builds(ToolCallPart, st.uuids().map(str), TEXT, st.text(max_size=5)),
    max_size=5,
)
COUNTS = st.none() | st.integers(0, 99)
COMPLETIONS = st.builds(
    Completion,
    id=TEXT,
    model=st.text(max_size=3),
    created=st.integers(0, 9),
    parts=PARTS.map(tuple),
    finish_reason=st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    raw_reason=st.text(max_size=3),
    stop_sequence=st.text(max_size=3),
    usage=st.builds(Usage, COUNTS, COUNTS, COUNTS),
)


@given(COMPLETIONS, st.lists(TEXT, max_size=4))
def test_an_answer_told_as_events_folds_to_itself(completion: Completion, tokens: list[str]) -> None:
    if any(isinstance(part, TextPart) for part in completion.parts):
        object.__setattr__(completion, "logprobs", tuple({"token": token} for token in tokens))
    events = completion_events(completion)
    check(events)
    assert collect(events) == completion
