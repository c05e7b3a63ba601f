"""Relayed streams of `/v1/responses`: what is handed on, what is read on the side, and how one ends that was cut."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import openai
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.completion import Usage
from proxy.dialects.openai.beginning import KEEP_ALIVE
from proxy.dialects.openai.ingress import RESPONSES
from proxy.dialects.openai.responses.relay import ResponseTail, usage_of
from proxy.errors import UpstreamBroken, UpstreamRefused, UpstreamTimeout
from tests.dialects.openai.judged import Judge, records

USAGE = {"input_tokens": 7, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 3, "total_tokens": 10}


def an_event(kind: str, *, named: bool = True, **members: Any) -> bytes:
    name = b"event: " + kind.encode() + b"\n" if named else b""
    return name + b"data: " + orjson.dumps({"type": kind, **members}) + b"\n\n"


def a_response(status: str, text: str = "hal", **members: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return {"id": "resp_1", "status": status, "output": [{"type": "message", "content": content}], "usage": USAGE, **members}


def an_answer(end: str = "response.completed", *, named: bool = True, text: str = "hal", **members: Any) -> bytes:
    status = end.removeprefix("response.")
    return b"".join(
        (
            an_event("response.created", named=named, response={"id": "resp_1", "usage": None}),
            an_event("response.output_text.delta", named=named, delta=text + '\nevent: response.completed\ndata: {"type":"error"}'),
            an_event(end, named=named, response=a_response(status, text, **members)),
        )
    )


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def relayed(stream: bytes, places: list[int]) -> tuple[bytes, ResponseTail]:
    reader = ResponseTail()
    handed_on = b"".join(reader.feed(chunk) for chunk in cut(stream, places))
    return handed_on + reader.close(), reader


places = st.lists(st.integers(0, 10_000), max_size=12)


@given(places=places, named=st.booleans())
def test_signs_of_life_stand_between_events_wherever_a_silence_comes(places: list[int], named: bool) -> None:
    stream, reader = an_answer(named=named), ResponseTail()
    body = b"".join(reader.feed(chunk) + reader.sign_of_life() for chunk in cut(stream, places)) + reader.close()
    assert body.replace(KEEP_ALIVE, b"") == stream
    assert records(body) == records(stream)
    assert (reader.usage, reader.finish_reason) == (Usage(7, 3), "completed")


@given(places=places, named=st.booleans(), end=st.sampled_from(["response.completed", "response.incomplete"]))
def test_a_stream_that_came_to_its_end_is_handed_on_untouched_however_it_is_cut(places: list[int], named: bool, end: str) -> None:
    stream = an_answer(end, named=named)
    handed_on, reader = relayed(stream, places)

    assert handed_on == stream
    assert reader.usage == Usage(7, 3)
    assert reader.finish_reason == end.removeprefix("response.")
    assert reader.failure is None


@given(places=places, length=st.integers(0, 10_000))
def test_a_stream_that_was_cut_before_its_end_is_an_error(places: list[int], length: int) -> None:
    stream = an_answer()
    before_the_end = stream[: length % stream.rfind(b"event: response.completed")]
    with pytest.raises(UpstreamBroken):
        relayed(before_the_end, places)


def test_the_end_of_a_long_answer_is_found_and_its_cost_too() -> None:
    stream = an_answer(text="x" * 300_000)
    handed_on, reader = relayed(stream, list(range(0, len(stream), 8192)))
    assert handed_on == stream
    assert (reader.usage, reader.finish_reason) == (Usage(7, 3), "completed")


@pytest.mark.parametrize("text", ["hal", "x" * 100_000], ids=["short", "long"])
@pytest.mark.parametrize("end", ["response.completed", "response.failed", "error"])
def test_an_end_counts_when_all_of_its_event_has_come(end: str, text: str, judge: Judge) -> None:
    """Clients act upon an event at its blank line: what is whole gets the one that it lacks, and half an event is no end."""
    stream = an_answer(end, text=text)
    last = stream.rfind(b"event: " + end.encode())
    is_whole = len(stream) - 2
    places = {*range(last, last + 80), *range(is_whole - 40, len(stream) + 1)}
    cut_short = set[bytes]()
    for length in sorted(place for place in places if place <= len(stream)):
        reader = ResponseTail()
        handed_on = b"".join(reader.feed(chunk) for chunk in cut(stream[:length], list(range(0, length, 9_000))))
        if length >= is_whole and (length > is_whole or len(text) < 1000):
            body = handed_on + reader.close()
            assert (body.rstrip(), body[-2:]) == (stream.rstrip(), b"\n\n")
            assert reader.finish_reason == end.removeprefix("response.")
            continue
        with pytest.raises(UpstreamBroken):
            reader.close()
        assert reader.failure is None
        cut_short.add(handed_on + reader.render_failure(UpstreamTimeout("it was silent")))
    for told in cut_short if len(text) < 1000 else ():
        with pytest.raises(openai.APIError, match="it was silent"):
            list(judge.told("/v1/responses", told).responses.create(model="m", input="hi", stream=True))


def test_the_name_of_an_event_alone_is_no_end() -> None:
    with pytest.raises(UpstreamBroken):
        relayed(an_event("response.created") + b"event: error\n\n", [])


def test_what_follows_the_end_may_be_cut() -> None:
    stream = an_answer()
    assert relayed(stream + b": by", [7])[0] == stream


def test_a_type_that_does_not_stand_first_is_found_too() -> None:
    end = b"data: " + orjson.dumps({"sequence_number": 9, "type": "response.completed", "response": a_response("completed")}) + b"\n\n"
    stream = an_event("response.created", response={"id": "resp_1"}) + end
    assert relayed(stream, [])[1].finish_reason == "completed"


@pytest.mark.parametrize(
    "end",
    [
        an_event("response.failed", response=a_response("failed", error={"code": "server_error", "message": "boom"})),
        an_event("error", code="server_error", message="boom", param=None),
        an_event("error", error={"code": "server_error", "message": "boom"}),
        an_event("error", named=False, message="boom"),
    ],
)
def test_an_error_that_the_upstream_told_is_known(end: bytes) -> None:
    stream = an_event("response.created", response={"id": "resp_1"}) + end
    handed_on, reader = relayed(stream, [])
    assert handed_on == stream
    assert isinstance(reader.failure, UpstreamRefused)
    assert reader.failure.message == "boom"


BOOM = b'data: {"error":{"message":"boom","type":"server_error"}}\n\n'
WORDS = an_event("response.created", response={"id": "resp_1", "error": None}) + an_event("response.output_text.delta", delta="hal")


@given(places=places, after=st.sampled_from([b"", b"data: [DONE]\n\n", an_event("response.output_text.delta", delta="lo"), b"event: res"]))
def test_an_error_as_chats_have_it_is_told_once_however_it_is_cut(places: list[int], after: bytes) -> None:
    """Its client has heard of it: another one behind it would be false."""
    stream = WORDS + BOOM + after
    handed_on, reader = relayed(stream, places)
    assert handed_on == stream.removesuffix(b"event: res")
    assert isinstance(reader.failure, UpstreamRefused)
    assert (reader.failure.message, reader.failure.status) == ("boom", 502)


def test_an_error_as_chats_have_it_is_known_far_from_the_end() -> None:
    stream = WORDS + BOOM + an_event("response.output_text.delta", delta="x" * 100) * 2000
    handed_on, reader = relayed(stream, list(range(0, len(stream), 8192)))
    assert handed_on == stream
    assert reader.failure is not None
    assert reader.failure.message == "boom"


@pytest.mark.parametrize("error", [b'error: {"message":"boom"}\n\n', b'{"error":{"message":"boom"}}\n'])
def test_an_error_that_clients_read_over_is_told_in_a_way_that_they_hear(error: bytes) -> None:
    with pytest.raises(UpstreamRefused, match="boom"):
        relayed(WORDS + error, [])


def test_an_error_of_a_tool_is_no_end() -> None:
    with pytest.raises(UpstreamBroken):
        relayed(WORDS + an_event("response.mcp_call.failed", error="boom") + an_event("response.output_text.delta", delta="so"), [])


def test_an_error_in_a_models_words_is_none() -> None:
    with pytest.raises(UpstreamBroken):
        relayed(WORDS + an_event("response.output_text.delta", delta="\n" + BOOM.decode()), [])


def test_the_sdk_raises_at_a_relayed_stream_that_was_cut(judge: Judge) -> None:
    reader = ResponseTail()
    stream = an_answer()
    handed_on = reader.feed(stream[: len(stream) // 2])
    data = handed_on + reader.render_failure(UpstreamTimeout("it was silent"))

    assert records(data)[-1]["error"]["message"] == "it was silent"
    with pytest.raises(openai.APIError, match="it was silent"):
        list(judge.told("/v1/responses", data).responses.create(model="m", input="hi", stream=True))


def test_the_error_that_ends_a_relayed_stream_is_numbered_on() -> None:
    reader = ResponseTail()
    assert records(reader.render_failure(UpstreamTimeout("it was silent")))[-1]["sequence_number"] == 0
    reader.feed(an_event("response.created", sequence_number=0, response={"id": "resp_1"}))
    reader.feed(an_event("response.output_text.delta", delta='{"sequence_number":99}', sequence_number=7, item_id="msg_1"))
    reader.feed(b'event: response.output_text.delta\ndata: {"sequence_number":8,"del')
    assert records(reader.render_failure(UpstreamTimeout("it was silent")))[-1]["sequence_number"] == 8


def test_a_whole_answer_tells_its_cost() -> None:
    assert usage_of(orjson.dumps(a_response("completed"))) == Usage(7, 3)
    early = orjson.dumps({"usage": USAGE, "output": "x" * 100_000})
    assert usage_of(early) == Usage(7, 3)
    assert usage_of(b"{}") == Usage()


def test_requests_that_begin_alike_have_the_same_key() -> None:
    key = RESPONSES.affinity_key
    first = {"instructions": "be brief", "input": "hi"}
    items = {"instructions": "be brief", "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}, {"role": "x"}]}
    assert key(first, "m") == key(items, "m")
    assert key(first, "m") != key({**first, "input": "ho"}, "m")
    assert key(first, "m") != key(first, "n")
    assert key({}, "m") == key({"input": 1}, "m")
