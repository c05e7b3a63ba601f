"""What must hold for every answer: on the recordings, and on whatever chance makes up."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import Failed, Finished, PartDelta
from proxy.canonical.fold import collect
from proxy.dialects.openai.reading import read_error
from proxy.errors import UpstreamBroken
from tests.dialects.openai.records import DONE, RECORDINGS, call, read, read_whole, record, sse, text
from tests.dialects.reading_laws import (
    SCENARIOS,
    WHOLE_SCENARIOS,
    bytes_of,
    comparable,
    judge_agreement,
    judge_cuts_before,
    judge_pieces,
    judge_recordings,
    pieces_of,
    stream_of,
)


def test_every_scenario_is_there_and_says_where_it_is_from() -> None:
    judge_recordings(RECORDINGS)
    for scenario in SCENARIOS:
        assert orjson.loads((RECORDINGS / scenario / "request.json").read_bytes())["messages"]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_one_byte_at_a_time_gives_the_same_events(scenario: str, end: bytes) -> None:
    stream = stream_of(RECORDINGS, scenario)
    judge_pieces(read, bytes_of(stream.replace(b"\n", end)), stream)


@pytest.mark.parametrize("scenario", SCENARIOS)
@given(cuts=st.lists(st.integers(0, 100_000), max_size=12))
def test_any_cut_gives_the_same_events(scenario: str, cuts: list[int]) -> None:
    stream = stream_of(RECORDINGS, scenario)
    judge_pieces(read, pieces_of(stream, cuts), stream)


@pytest.mark.parametrize("scenario", WHOLE_SCENARIOS)
def test_stream_and_whole_answer_agree(scenario: str) -> None:
    whole = (RECORDINGS / scenario / "response.json").read_bytes()
    judge_agreement(collect(read_whole(whole)), collect(read(stream_of(RECORDINGS, scenario))), collect(read(whole)))


@pytest.mark.parametrize("scenario", WHOLE_SCENARIOS)
def test_every_stream_that_is_cut_before_its_reason_fails(scenario: str) -> None:
    judge_cuts_before(read, stream_of(RECORDINGS, scenario), b'"finish_reason":"')


def test_the_cut_scenario_is_broken_both_ways() -> None:
    for events in (read(stream_of(RECORDINGS, "cut")), read_whole((RECORDINGS / "cut" / "response.json").read_bytes())):
        with pytest.raises(UpstreamBroken, match="ended before it was complete"):
            collect(events)


# By chance

NAMES = st.sampled_from([None, "f", "g", "fg"])
IDS = st.sampled_from([None, "a", "b", "0"])
ARGUMENTS = st.sampled_from([None, "", "{", '{"x"', ":1", "}", '{"x":1}', '{"y":2}', " ", {"x": 1}, "nonsense"])
CALLS = st.builds(call, st.sampled_from([None, 0, 0, 1, 5]), IDS, NAMES, ARGUMENTS)
WORDS = st.sampled_from(["a", "b", "", "<think>", "</think>", "\n", "😀"])
DELTAS = st.dictionaries(st.sampled_from(["content", "reasoning", "reasoning_content", "refusal", "role"]), st.none() | WORDS, max_size=3)
RECORDS = st.one_of(
    CALLS,
    st.builds(text, WORDS),
    st.builds(record, DELTAS, st.sampled_from([None, None, "", "stop", "length", "tool_calls", "odd"])),
    st.just({"choices": [], "usage": {"prompt_tokens": 1}}),
    st.just({"error": "boom"}) | st.just(b": comment\n\n") | st.just(b'{"error":"x"}\n\n'),
)


@given(st.lists(RECORDS, max_size=10), st.booleans(), st.lists(st.integers(0, 100_000), max_size=8))
def test_records_in_any_order_give_a_legal_stream_whatever_the_cuts(records: list[object], ends: bool, cuts: list[int]) -> None:
    stream = sse(*records, *([DONE] if ends else []))
    events = read(*pieces_of(stream, cuts))
    assert comparable(events) == comparable(read(*pieces_of(stream, [])))
    assert all(delta.text.encode() is not None for delta in events if isinstance(delta, PartDelta))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 600)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "stop", "error"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "choices",
                        "delta",
                        "message",
                        "content",
                        "text",
                        "thinking",
                        "type",
                        "finish_reason",
                        "index",
                        "tool_calls",
                        "function",
                    ),
                    *("name", "arguments", "id", "usage", "prompt_tokens", "error", "code", "detail", "loc", "msg", "logprobs", "tokens"),
                    *(
                        "token_logprobs",
                        "top_logprobs",
                        "token",
                        "model",
                        "created",
                        "function_call",
                        "reasoning",
                        "x_groq",
                        "param",
                        "metadata",
                    ),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
CHOICES = st.fixed_dictionaries({"choices": st.lists(st.fixed_dictionaries({"delta": JSON, "logprobs": JSON}), max_size=2)})


def nested(levels: int, key: str = "") -> bytes:
    """JSON text with more levels than may be written, or walked."""
    begin, end = (b'{"' + key.encode() + b'":', b"}") if key else (b"[", b"]")
    return begin * levels + b"1" + end * levels


@pytest.mark.parametrize("deep", [nested(300), nested(1000), nested(300, "x"), nested(1000, "message"), nested(1000, "errors")])
@pytest.mark.parametrize(
    "around",
    [
        b"%b",
        b'{"error":%b}',
        b'{"error":{"message":%b,"code":%b}}',
        b'{"detail":[{"msg":"no","loc":[%b]}]}',
        b'{"choices":[{"delta":%b}]}',
        b'{"choices":[{"delta":{"content":%b}}]}',
        b'{"choices":[{"delta":{},"finish_reason":"error","error":%b}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":%b}}]}}]}',
        b'{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[%b]},"finish_reason":"stop"}]}',
    ],
)
def test_no_depth_makes_the_reader_crash(around: bytes, deep: bytes) -> None:
    body = around.replace(b"%b", deep)
    events = read(b"data: " + body + b"\n\n" + DONE)
    assert isinstance(events[-1], Failed | Finished)
    assert isinstance(read_whole(body.replace(b'"delta"', b'"message"'))[-1], Failed | Finished)
    assert read_error(500, {}, body).message


@given(st.lists(JSON | CHOICES, max_size=4))
def test_no_json_makes_the_reader_crash(records: list[object]) -> None:
    for events in (read(sse(*records, DONE)), read(sse(text("a"), *records)), *map(read_whole, records)):
        assert isinstance(events[-1], Failed | Finished)


@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b"data: ", b"\n\n", b"event: error\n", b"{", b"[DONE]", b"\r", b"<a>", b"\xef\xbb"]),
        max_size=8,
    )
)
def test_no_bytes_make_the_reader_crash(pieces: list[bytes]) -> None:
    for events in (read(*(piece for piece in pieces if piece)), read_whole(b"".join(pieces))):
        assert isinstance(events[-1], Failed | Finished)
