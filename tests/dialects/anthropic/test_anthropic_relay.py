"""Relayed streams of Anthropic's: what is handed on, what is read on the side, and how a stream ends that did not come to its own end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import anthropic
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.affinity import NO_KEY
from proxy.canonical.affinity import affinity_key as canonical_key
from proxy.canonical.completion import Usage
from proxy.dialects.anthropic.affinity import affinity_key
from proxy.dialects.anthropic.beginning import begins
from proxy.dialects.anthropic.foreign_state import is_own
from proxy.dialects.anthropic.parsing import parse_messages
from proxy.dialects.anthropic.relay import MessageRelay, usage_of
from proxy.dialects.anthropic.sse_records import PING, block_start, block_stop, delta_frame, event
from proxy.errors import UpstreamBroken, UpstreamRefused, UpstreamTimeout
from tests.dialects.anthropic.answers import records

Reads = Callable[..., anthropic.Anthropic]
ASKED: Any = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def a_start(**usage: Any) -> bytes:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }
    return event(
        "message_start", {"type": "message_start", "message": message | {"usage": {"input_tokens": 9, "output_tokens": 1, **usage}}}
    )


def a_text(*texts: str) -> bytes:
    before, after = delta_frame(0, "text_delta", "text")
    deltas = b"".join(before + orjson.dumps(text) + after for text in texts)
    return block_start(0, {"type": "text", "text": ""}) + deltas + block_stop(0)


def an_end(reason: str = "end_turn", **usage: Any) -> bytes:
    delta = {"stop_reason": reason, "stop_sequence": None}
    told = event("message_delta", {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7, **usage}})
    return told + event("message_stop", {"type": "message_stop"})


OVERLOADED = event("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_9"})
WHOLE = a_start(cache_read_input_tokens=100, cache_creation_input_tokens=5) + PING + a_text("event: message_stop\n\n", "😀") + an_end()

places = st.lists(st.integers(0, 3000), max_size=12)


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    """`stream` in pieces; a place may come twice, then a piece is empty, as a silent upstream's is."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in at), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def relayed(stream: bytes, at: list[int] | None = None) -> tuple[bytes, MessageRelay]:
    """What a client gets, and its reader. Raises as the reader does."""
    reader = MessageRelay()
    handed_on = b"".join(reader.feed(chunk) for chunk in cut(stream, at or []))
    return handed_on + reader.close(), reader


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@given(at=places)
def test_streams_are_handed_on_untouched(line_end: bytes, at: list[int]) -> None:
    stream = WHOLE.replace(b"\n", line_end)
    handed_on, reader = relayed(stream, at)
    assert handed_on == stream
    assert reader.usage == Usage(114, 7, 100, 5)
    assert reader.finish_reason == "end_turn"
    assert reader.failure is None


@given(at=places, length=st.integers(0, len(WHOLE) - len(an_end()) - 1))
def test_cut_streams_are_broken_and_end_in_an_error(at: list[int], length: int) -> None:
    reader = MessageRelay()
    handed_on = b"".join(reader.feed(chunk) for chunk in cut(WHOLE[:length], at))
    assert not handed_on or handed_on.endswith(b"\n")
    with pytest.raises(UpstreamBroken):
        reader.close()
    stream = handed_on + reader.render_failure(UpstreamBroken("cut"))
    assert records(stream)[-1] == {"type": "error", "error": {"type": "api_error", "message": "cut"}}


def test_sdk_raises_when_a_relayed_stream_is_cut(sdk: Reads) -> None:
    reader = MessageRelay()
    stream = reader.feed(a_start() + a_text("hal")[:-7]) + reader.render_failure(UpstreamTimeout("silent"))
    with pytest.raises(anthropic.APIStatusError, match="timeout_error"), sdk(stream).messages.stream(**ASKED) as answer:
        answer.until_done()


def test_sdk_passes_over_what_keeps_a_stream_alive_before_its_beginning(sdk: Reads) -> None:
    with sdk(PING + PING + WHOLE).messages.stream(**ASKED) as answer:
        assert answer.get_final_text() == "event: message_stop\n\n😀"


def test_reason_without_a_stop_is_an_end() -> None:
    stream = WHOLE.removesuffix(event("message_stop", {"type": "message_stop"}))
    assert relayed(stream)[0] == stream


def test_last_line_may_lack_its_end() -> None:
    assert relayed(WHOLE.rstrip())[0] == WHOLE.rstrip()


@given(at=places)
def test_errors_that_the_upstream_tells_are_known_and_not_told_twice(at: list[int]) -> None:
    stream = a_start() + a_text("hal") + OVERLOADED
    handed_on, reader = relayed(stream, at)
    assert handed_on == stream
    assert isinstance(reader.failure, UpstreamRefused)
    assert (reader.failure.status, reader.failure.message) == (503, "Overloaded")


def test_later_counts_replace_those_before_them() -> None:
    stream = a_start(input_tokens=0) + an_end(input_tokens=12, cache_read_input_tokens=3, output_tokens_details={"thinking_tokens": 2})
    assert relayed(stream)[1].usage == Usage(15, 7, 3, None, 2)


def test_events_of_nonsense_end_in_no_exception_of_ours() -> None:
    nonsense = b'event: message_delta\ndata: [1]\n\nevent: message_start\ndata: {"message":7}\n\nevent: message_delta\ndata: nonsense\n\n'
    _, reader = relayed(nonsense + an_end())
    assert reader.usage.completion_tokens == 7


def test_long_lines_are_handed_on_before_they_are_complete() -> None:
    reader = MessageRelay()
    assert reader.feed(b"data: " + b"x" * 100_000)


def test_whole_answers_tell_what_they_cost() -> None:
    assert usage_of(orjson.dumps({"usage": {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": None}})) == Usage(3, 4)
    assert usage_of(b"nonsense") == usage_of(b"[]") == usage_of(b'{"usage":{"input_tokens":"x"}}') == Usage()


@pytest.mark.parametrize("head", [a_start(), PING + b": comment\n\n" + a_start()])
def test_messages_begin(head: bytes) -> None:
    assert begins(head)


@pytest.mark.parametrize("head", [b"", PING, b": comment\n\n", b"event: message_start\n\n"])
def test_signs_of_life_are_no_beginning(head: bytes) -> None:
    assert not begins(head)


@pytest.mark.parametrize(
    ("head", "error", "words"),
    [
        (OVERLOADED, UpstreamRefused, "Overloaded"),
        (PING + OVERLOADED, UpstreamRefused, "Overloaded"),
        (b'data: {"error":{"message":"boom"}}\n\n', UpstreamRefused, "boom"),
        (b'{"error":{"message":"boom"}}\n\n', UpstreamRefused, "boom"),
        (b"<html>\n\n", UpstreamBroken, "web page"),
        (b"data: nonsense\n\n", UpstreamBroken, "no JSON"),
        (b'{"a":1}\n\n', UpstreamBroken, "something else"),
    ],
)
def test_errors_are_no_beginning(head: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        begins(head)


@pytest.mark.parametrize(
    ("kind", "status"), [("rate_limit_error", 429), ("invalid_request_error", 400), ("api_error", 502), ("new_error", 502), (None, 502)]
)
def test_errors_in_streams_have_the_status_of_their_type(kind: str | None, status: int) -> None:
    with pytest.raises(UpstreamRefused) as caught:
        begins(event("error", {"type": "error", "error": {"type": kind, "message": "no"}}))
    assert (caught.value.status, caught.value.upstream_status) == (status, 200)


PICTURE = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"system": "be brief"},
        {"system": [{"type": "text", "text": "x-anthropic-billing-header: cch=1;"}, {"type": "text", "text": "be brief"}]},
        {"messages": [{"role": "user", "content": [PICTURE, {"type": "text", "text": "what is it"}]}]},
    ],
)
def test_affinity_is_that_of_the_same_request_in_other_languages(changes: dict[str, Any]) -> None:
    payload = ASKED | changes
    assert affinity_key(payload, "m") == canonical_key(parse_messages(payload), "m")


@pytest.mark.parametrize("payload", [{}, {"messages": 7}, {"system": 7, "messages": [7]}, {"messages": [{"content": [7, {"source": 7}]}]}])
def test_affinity_of_nonsense_is_no_exception(payload: dict[str, Any]) -> None:
    assert isinstance(affinity_key(payload, "m"), bytes)
    assert affinity_key({}, "m") == NO_KEY


@pytest.mark.parametrize(
    ("block", "own"),
    [
        ({"type": "thinking", "thinking": "a", "signature": "c2ln"}, True),
        ({"type": "thinking", "thinking": "a", "signature": "gemini:c2ln"}, False),
        ({"type": "thinking", "thinking": "a", "signature": ""}, False),
        ({"type": "thinking", "thinking": "a"}, False),
        ({"type": "redacted_thinking", "data": "c2ln"}, True),
        ({"type": "redacted_thinking", "data": "openai*:c2ln"}, False),
        ({"type": "text", "text": ""}, True),
        ("nonsense", True),
    ],
)
def test_thoughts_of_others_are_known(block: Any, own: bool) -> None:
    assert is_own({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [block]}]}) is own


@pytest.mark.parametrize("payload", [{}, {"messages": 7}, {"messages": [7, {"role": "assistant", "content": "x"}]}])
def test_without_thoughts_all_are_own(payload: dict[str, Any]) -> None:
    assert is_own(payload)
