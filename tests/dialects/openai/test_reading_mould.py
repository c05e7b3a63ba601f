"""What the mould reads in one step is what the records say when each is read in full."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import ChatEvent, Failed, Finished
from proxy.dialects.openai.reading.mould import Mould, Moulds, mould_of
from tests.dialects.openai.records import DONE, call, read, record, text


def raw(content: bytes) -> bytes:
    """The JSON text of a record, whose text is what the server wrote."""
    return orjson.dumps(text("@")).replace(b'"@"', content)


def a_mould() -> Mould:
    mould = mould_of(raw(b'"a"'), "a", "content")
    assert mould is not None
    return mould


def events_of(*data: bytes) -> bytes:
    return b"".join(b"data: " + item + b"\n\n" for item in data)


# One mould


@pytest.mark.parametrize(
    "written", [b'"b"', b'""', rb'"\"},\"x\":{\""', rb'"\\"', rb'"\u00e9"', '"é"'.encode(), rb'"\ud83d\ude00"', b'"\\n"']
)
def test_texts_when_they_fit_are_those_of_the_records(written: bytes) -> None:
    chunk = events_of(raw(b'"a"'), raw(written), raw(b'"c"'))
    assert a_mould().texts(chunk) == (["a", orjson.loads(written), "c"], b"")
    assert a_mould().texts(events_of(raw(written))) == ([orjson.loads(written)], b"")


@pytest.mark.parametrize("rest", [b"", b"\n", b": ping\n\n", DONE, events_of(raw(b'"c"'))[:-1], events_of(b"{}"), b"data: "])
def test_texts_end_where_something_else_comes(rest: bytes) -> None:
    assert a_mould().texts(events_of(raw(b'"a"'), raw(b'"b"')) + rest) == (["a", "b"], rest)


@pytest.mark.parametrize(
    "odd",
    [
        *(raw(written) for written in (b"null", b"1", b"{}", b'"a', b'a"', b"", b'"a" "b"', b'"a","content":"b"', rb'"\ud83d"', b'"\t"')),
        *(b"", b"{}", b"[DONE]", raw(b'"a"').replace(b":7", b":8"), raw(b'"a"') + b" ", raw(b'"a"') + b"\ndata: 1"),
    ],
)
def test_texts_when_something_else_is_among_them_are_left_to_others(odd: bytes) -> None:
    chunk = events_of(raw(b'"a"'), odd, raw(b'"c"'))
    assert a_mould().texts(chunk) == ([], chunk)


@pytest.mark.parametrize("length", range(len(events_of(raw(b'"abc"')))))
def test_texts_of_a_record_that_is_cut_are_left_to_others(length: int) -> None:
    chunk = events_of(raw(b'"abc"'))[:length]
    assert a_mould().texts(chunk) == ([], chunk)


@pytest.mark.parametrize(
    "data",
    [
        orjson.dumps({"content": "a", **text("a")}),
        orjson.dumps(text("a")).replace(b"\n", b"") + b"\n",
        raw(b'"b","content":"a"'),
        orjson.dumps(record({"content": "a"}, **{'"content":"a"': 1})).replace(b'"id"', b'"content":"a","id"'),
    ],
)
def test_no_mould_where_the_place_of_the_text_is_uncertain(data: bytes) -> None:
    assert mould_of(data, "a", "content") is None


def test_a_mould_of_a_record_with_spaces_fits_such_records() -> None:
    spaced = json.dumps(text('say "a"')).encode()
    mould = mould_of(spaced, 'say "a"', "content")
    assert mould is not None
    assert mould.texts(events_of(spaced, json.dumps(text("é")).encode())) == (['say "a"', "é"], b"")


# The mould of a stream


def test_the_mould_is_made_anew_only_when_it_has_fitted() -> None:
    moulds = Moulds()
    moulds.learn(raw(b'"a"'), "a", "content")
    first = moulds.of_field("content")
    later = raw(b'"a"').replace(b":7", b":8")
    moulds.learn(later, "a", "content")
    assert moulds.of_field("content") is first is not None
    moulds.have_fitted = True
    moulds.learn(raw(b'"b"'), "b", "content")
    assert moulds.of_field("content") is first
    moulds.learn(later, "a", "content")
    assert moulds.of_field("content") not in (first, None)
    assert not moulds.have_fitted


def test_the_mould_is_for_one_field() -> None:
    moulds = Moulds()
    moulds.learn(orjson.dumps(record({"reasoning": "a"})), "a", "reasoning")
    assert moulds.of_field("content") is None
    moulds.learn(raw(b'"a"'), "a", "content")
    assert moulds.of_field("reasoning") is None
    assert moulds.of_field("content") is not None


# Streams: what is written without a space after `data:` fits no mould


Frame = Callable[[Any], bytes]

FRAMES: list[Frame] = [
    orjson.dumps,
    lambda value: json.dumps(value).encode(),
    lambda value: orjson.dumps({**value, "system_fingerprint": "long " * 300}),  # some of these are taken for a burst
]
WORDS = st.sampled_from(
    ["a", " b", "", '"', "\\", "é", "😀", "\n", '"},"', "content", '{"content":"x"}', "}]}", "<think>", "data:", "\u2028"]
)
TEXTS = st.builds(text, WORDS)
LIKE_TEXTS = st.one_of(
    st.builds(lambda word: record({"reasoning_content": word}), WORDS),
    st.builds(lambda word: record({"role": "assistant", "content": word}), WORDS),
    st.builds(lambda word: record({"content": word, "reasoning_content": None}), WORDS),
    st.builds(lambda word, time: {**text(word), "created": time}, WORDS, st.integers(0, 3)),
    st.builds(lambda word, count: {**text(word), "usage": {"prompt_tokens": 1, "completion_tokens": count}}, WORDS, st.integers(0, 3)),
    st.builds(lambda word: record({"content": word}, None, error=None, usage=None, obfuscation=word), WORDS),
    st.builds(lambda word: record({"content": word}, None, choices=[{"index": 1, "delta": {"content": word}}]), WORDS),
    st.builds(lambda word, reason: record({"content": word}, reason), WORDS, st.sampled_from(["stop", "length", "tool_calls"])),
    st.builds(lambda odd: record({"content": odd}), st.none() | st.integers(0, 3) | st.just([{"type": "text", "text": "x"}])),
    st.builds(call, st.just(0), st.just("id"), st.just("f"), st.sampled_from(["{}", '{"a"', ":1}"])),
    st.just({"choices": [], "usage": {"prompt_tokens": 1}}),
)
BARE = st.sampled_from(
    [b": ping\n\n", b"\n", b"event: ping\ndata:{}\n\n", b"id: 1\n", b"data:\n\n", b"data:[DONE]\n\n", b"data:nonsense\n\n"]
)


def both_ways(frame: Frame, items: list[object]) -> tuple[list[bytes], bytes]:
    """The events of a stream as servers write it, and another stream that says the same and fits no mould."""
    lines = [(item, item) if isinstance(item, bytes) else (b"data: %b\n\n" % frame(item), b"data:%b\n\n" % frame(item)) for item in items]
    return [usual for usual, _ in lines], b"".join(other for _, other in lines)


def comparable(events: list[ChatEvent]) -> list[str]:
    return [str(event) for event in events]


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted(cut % (len(stream) + 1) for cut in cuts)
    return [piece for begin, end in zip([0, *at], [*at, len(stream)], strict=True) if (piece := stream[begin:end])]


@given(
    st.sampled_from(FRAMES),
    st.lists(st.lists(TEXTS, max_size=5) | st.lists(LIKE_TEXTS, max_size=2) | st.lists(BARE, max_size=1), max_size=10),
    st.lists(st.integers(0, 100_000), max_size=6),
    st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"]),
)
def test_streams_say_the_same_with_and_without_a_mould(frame: Frame, runs: list[list[object]], cuts: list[int], end: bytes) -> None:
    items = [item for run in runs for item in run]
    usual, other = both_ways(frame, [text("a"), text("b"), text("c"), *items, record({}, "stop"), DONE])
    usual = [event.replace(b"\n", end) for event in usual]
    expected = comparable(read(other))
    assert comparable(read(*usual)) == expected
    assert comparable(read(b"".join(usual))) == expected
    assert comparable(read(*cut(b"".join(usual), cuts))) == expected


@given(st.lists(WORDS, min_size=1, max_size=30), st.lists(st.integers(0, 100_000), max_size=6))
def test_a_stream_that_stops_in_its_middle_failed_however_it_was_cut(words: list[str], cuts: list[int]) -> None:
    usual, other = both_ways(orjson.dumps, [text(word) for word in words])
    events = read(*cut(b"".join(usual), cuts))
    assert comparable(events) == comparable(read(*usual)) == comparable(read(other))
    assert isinstance(events[-1], Failed)


@pytest.mark.parametrize("begun", [b"event: error\n", b"data:1\n", b"data:1\r", b"error: {}\n"])
def test_a_record_that_would_fit_is_no_record_of_its_own_in_an_event_that_has_begun(begun: bytes) -> None:
    usual, other = both_ways(orjson.dumps, [text("a"), text("b"), text("c")])
    assert comparable(read(*usual, begun, *usual)) == comparable(read(other, begun, other))


def test_what_the_model_says_after_a_call_begins_a_part_of_its_own() -> None:
    before, after = [text("a"), text("b"), text("c"), text("d")], [text("e"), text("f"), text("g")]
    usual, other = both_ways(orjson.dumps, [*before, call(0, "id", "f", "{}"), *after, record({}, "stop"), DONE])
    events = read(*usual)
    assert comparable(events) == comparable(read(other))
    assert isinstance(events[-1], Finished)
