"""What must hold for every answer: on the recordings, and on whatever chance makes up."""

from __future__ import annotations

import orjson
import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import Failed, Finished
from proxy.canonical.fold import collect
from proxy.dialects.gemini.egress import read_error
from proxy.errors import UpstreamBroken
from tests.dialects.gemini.asking import judge
from tests.dialects.gemini.records import RECORDINGS, call, read, read_whole, record, sse, thought
from tests.dialects.reading_laws import (
    SCENARIOS,
    WHOLE_SCENARIOS,
    bytes_of,
    judge_agreement,
    judge_cuts_before,
    judge_pieces,
    judge_recordings,
    pieces_of,
    stream_of,
)


def test_every_scenario_is_there_and_is_what_google_would_take_and_send() -> None:
    judge_recordings(RECORDINGS)
    for scenario in SCENARIOS:
        judge(orjson.loads((RECORDINGS / scenario / "request.json").read_bytes()))
        if scenario != "cut":
            types.GenerateContentResponse.model_validate(orjson.loads((RECORDINGS / scenario / "response.json").read_bytes()))


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_one_byte_at_a_time_gives_the_same_events(scenario: str, end: bytes) -> None:
    stream = stream_of(RECORDINGS, scenario)
    judge_pieces(read, bytes_of(stream.replace(b"\r\n", end)), stream)


@pytest.mark.parametrize("scenario", SCENARIOS)
@given(cuts=st.lists(st.integers(0, 100_000), max_size=12))
def test_any_cut_gives_the_same_events(scenario: str, cuts: list[int]) -> None:
    stream = stream_of(RECORDINGS, scenario)
    judge_pieces(read, pieces_of(stream, cuts), stream)


@pytest.mark.parametrize("scenario", WHOLE_SCENARIOS)
def test_stream_and_whole_answer_agree(scenario: str) -> None:
    whole = (RECORDINGS / scenario / "response.json").read_bytes()
    judge_agreement(collect(read_whole(whole)), collect(read(stream_of(RECORDINGS, scenario))), collect(read(b"[" + whole + b"]")))


@pytest.mark.parametrize("scenario", WHOLE_SCENARIOS)
def test_every_stream_that_is_cut_before_its_reason_fails(scenario: str) -> None:
    judge_cuts_before(read, stream_of(RECORDINGS, scenario), b'"finishReason"')


def test_the_cut_scenario_is_broken_both_ways() -> None:
    for events in (read(stream_of(RECORDINGS, "cut")), read_whole((RECORDINGS / "cut" / "response.json").read_bytes())):
        with pytest.raises(UpstreamBroken, match="ended before it was complete"):
            collect(events)


# By chance

WORDS = st.sampled_from(["a", "b", "", "\n", "😀"])
SIGNED = st.sampled_from([{}, {}, {"thoughtSignature": "S"}, {"thoughtSignature": ""}, {"thoughtSignature": 7}])
PARTS = st.one_of(
    st.builds(lambda text, more: {"text": text, **more}, WORDS, SIGNED),
    st.builds(lambda text, more: thought(text, **more), WORDS, SIGNED),
    st.builds(
        lambda name, args, call_id, more: call(name, args, call_id, **more),
        st.sampled_from(["f", "g", "f", None]),
        st.sampled_from([None, {}, {"x": 1}, "text"]),
        st.sampled_from([None, "a", "a23456789"]),
        SIGNED,
    ),
    st.just({"inlineData": {}}),
)
RECORDS = st.one_of(
    st.builds(
        lambda parts, finish: record(*parts, finish=finish),
        st.lists(PARTS, max_size=3),
        st.sampled_from([None, None, "STOP", "MAX_TOKENS"]),
    ),
    st.just({"usageMetadata": {"promptTokenCount": 1}}),
    st.just({"promptFeedback": {"blockReason": "SAFETY"}}),
    st.just({"error": {"message": "boom"}}) | st.just(b": comment\n\n") | st.just(b'{"error":"x"}\n\n') | st.just({}),
)


@given(st.lists(RECORDS, max_size=8), st.lists(st.integers(0, 100_000), max_size=8))
def test_records_in_any_order_give_a_legal_stream_whatever_the_cuts(records: list[object], cuts: list[int]) -> None:
    stream = sse(*records)
    events = read(*pieces_of(stream, cuts))
    assert list(map(str, events)) == list(map(str, read(*pieces_of(stream, []))))
    assert isinstance(events[-1], Failed | Finished)


KEYS = st.sampled_from(
    [
        *("candidates", "content", "parts", "text", "thought", "thoughtSignature", "functionCall", "name", "args", "id", "index"),
        *("finishReason", "finishMessage", "promptFeedback", "blockReason", "usageMetadata", "promptTokenCount", "thoughtsTokenCount"),
        *("logprobsResult", "chosenCandidates", "topCandidates", "token", "logProbability", "modelVersion", "responseId", "error"),
        *("code", "message", "status", "details", "reason", "violations", "quotaId"),
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 600)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "STOP", "OTHER"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
CONTENTS = st.fixed_dictionaries({"parts": st.lists(JSON, max_size=2)})
CANDIDATES = st.fixed_dictionaries(
    {"candidates": st.lists(st.fixed_dictionaries({"content": CONTENTS, "logprobsResult": JSON}), max_size=2)}
)


@given(st.lists(JSON | CANDIDATES, max_size=3))
def test_no_json_makes_the_reader_crash(records: list[object]) -> None:
    for events in (read(sse(*records)), read(sse(record("a"), *records)), *map(read_whole, records)):
        assert isinstance(events[-1], Failed | Finished)
    for body in records:
        assert read_error(429, {}, orjson.dumps(body)).message
        assert read_error(400, {}, orjson.dumps({"error": body})).message


@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b"data: ", b"\n\n", b"event: error\n", b"{", b"[DONE]", b"\r", b"<a>", b"\xef\xbb"]),
        max_size=8,
    )
)
def test_no_bytes_make_the_reader_crash(pieces: list[bytes]) -> None:
    for events in (read(*(piece for piece in pieces if piece)), read_whole(b"".join(pieces))):
        assert isinstance(events[-1], Failed | Finished)


def nested(levels: int, key: str = "") -> bytes:
    """JSON text with more levels than may be written, or walked."""
    begin, end = (b'{"' + key.encode() + b'":', b"}") if key else (b"[", b"]")
    return begin * levels + b"1" + end * levels


@pytest.mark.parametrize("deep", [nested(300), nested(1000), nested(300, "x"), nested(1000, "message"), nested(1000, "error")])
@pytest.mark.parametrize(
    "around",
    [
        b"%b",
        b'{"error":%b}',
        b'{"error":{"message":%b,"details":%b}}',
        b'{"candidates":[%b]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":%b}}}]},"finishReason":"STOP"}]}',
    ],
)
def test_no_depth_makes_the_reader_crash(around: bytes, deep: bytes) -> None:
    body = around.replace(b"%b", deep)
    assert isinstance(read(b"data: " + body + b"\n\n")[-1], Failed | Finished)
    assert isinstance(read_whole(body)[-1], Failed | Finished)
    assert read_error(500, {}, body).message
