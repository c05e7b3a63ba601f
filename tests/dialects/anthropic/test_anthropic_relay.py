"""Relayed streams of Anthropic's: what is handed on, what is read on the side, and how a stream ends that did not come to its own end."""

from __future__ import annotations

import re
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
from proxy.dialects.anthropic.foreign_state import without_foreign_thoughts
from proxy.dialects.anthropic.parsing import parse_messages
from proxy.dialects.anthropic.relay import MessageRelay, usage_of
from proxy.dialects.anthropic.sse_records import PING, block_start, block_stop, delta_frame, event
from proxy.errors import UpstreamBroken, UpstreamRefused, UpstreamTimeout
from proxy.profiles import PROFILES
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


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@given(at=places)
def test_signs_of_life_stand_between_events_wherever_a_silence_comes(line_end: bytes, at: list[int]) -> None:
    stream, reader = WHOLE.replace(b"\n", line_end), MessageRelay()
    body = b"".join(reader.feed(chunk) + reader.sign_of_life() for chunk in cut(stream, at)) + reader.close()
    assert body.replace(PING, b"") == stream.replace(PING, b"")
    assert (reader.usage, reader.finish_reason, reader.failure) == (Usage(114, 7, 100, 5), "end_turn", None)


@pytest.mark.parametrize("end", [an_end(), OVERLOADED])
def test_a_sign_of_life_is_due_until_the_end_of_a_message(end: bytes) -> None:
    reader, told = MessageRelay(), []
    for chunk in (b"", a_start()[:-1], b"\n", a_text("hal")[:-9], a_text("hal")[-9:], end):
        reader.feed(chunk)
        told.append(reader.sign_of_life())
    assert told == [b"", b"", PING, PING, PING, b""]


def test_sdk_passes_over_signs_of_life_in_the_midst_of_a_message(sdk: Reads) -> None:
    reader = MessageRelay()
    stream = a_start() + a_text("hal", "lo") + an_end()
    body = b"".join(reader.feed(chunk) + reader.sign_of_life() for chunk in stream.splitlines(keepends=True))
    assert PING in body
    with sdk(body).messages.stream(**ASKED) as told:
        assert told.get_final_text() == "hallo"


def nameless(stream: bytes) -> bytes:
    """`stream` as servers send it that do not name their events."""
    return re.sub(rb"^event: .*\n", b"", stream, flags=re.MULTILINE)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@given(at=places)
def test_streams_without_names_of_events_end_as_they_end(line_end: bytes, at: list[int]) -> None:
    stream = nameless(WHOLE).replace(b"\n", line_end)
    handed_on, reader = relayed(stream, at)
    assert handed_on == stream
    assert (reader.usage, reader.finish_reason, reader.failure) == (Usage(114, 7, 100, 5), "end_turn", None)


@given(at=places)
def test_errors_in_streams_without_names_are_known(at: list[int]) -> None:
    _, reader = relayed(nameless(a_start() + a_text("hal") + OVERLOADED), at)
    assert isinstance(reader.failure, UpstreamRefused)
    with pytest.raises(UpstreamBroken):
        relayed(nameless(a_start() + a_text("hal")), at)


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


@given(missing=st.integers(0, 2))
def test_last_event_gets_the_blank_line_that_it_lacks(missing: int) -> None:
    """Clients act upon an event at its blank line."""
    assert relayed(WHOLE[: len(WHOLE) - missing])[0].rstrip() == WHOLE.rstrip()
    assert relayed(WHOLE[: len(WHOLE) - missing])[0].endswith(b"\n\n")


def test_half_an_event_after_the_reason_is_not_handed_on() -> None:
    begun, _, _ = WHOLE.rpartition(b"event: message_stop")
    event = b'event: message_stop\r\ndata: {"type": "message_stop"'
    for length in range(len(event) + 1):
        for at in ([], [len(begun)], list(range(len(begun), len(begun) + length))):
            assert relayed(begun + event[:length], at)[0] == begun
    assert relayed(begun + event + b"}")[0] == begun + event + b"}\n\n"


@given(at=places)
def test_an_event_waits_for_its_data_alone(at: list[int]) -> None:
    """What stands before it goes on at once, however the bytes come."""
    reader = MessageRelay()
    begun = a_start() + a_text("a")
    handed_on = b"".join(reader.feed(chunk) for chunk in cut(begun + b"event: message_delta\n", at))
    assert handed_on == begun
    assert reader.feed(b"data: {}\n") == b"event: message_delta\ndata: {}\n"


def test_an_error_counts_when_all_of_its_event_has_come(sdk: Reads) -> None:
    begun, streams = a_start() + a_text("hal"), set[bytes]()
    for length in range(len(OVERLOADED) - 2):
        reader = MessageRelay()
        handed_on = reader.feed(begun + OVERLOADED[:length])
        with pytest.raises(UpstreamBroken):
            reader.close()
        assert reader.failure is None
        streams.add(handed_on + reader.render_failure(UpstreamTimeout("silent")))
    (stream,) = streams
    with pytest.raises(anthropic.APIStatusError, match="silent"), sdk(stream).messages.stream(**ASKED) as answer:
        answer.until_done()
    assert isinstance(relayed(begun + OVERLOADED.rstrip())[1].failure, UpstreamRefused)


def test_half_a_long_event_is_an_error() -> None:
    with pytest.raises(UpstreamBroken):
        relayed(WHOLE + b"event: error\ndata: " + b"x" * 100_000)


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


def test_what_was_counted_does_not_become_nothing() -> None:
    """Some servers repeat all names at the end, without their counts; who reads the stream knows that, too."""
    assert relayed(a_start(cache_read_input_tokens=3) + an_end(input_tokens=0, cache_read_input_tokens=0))[1].usage == Usage(12, 7, 3)


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
    found = without_foreign_thoughts({"messages": [HELLO, of_model(block)]}, CLAUDE)
    assert (found is None) is own


@pytest.mark.parametrize("payload", [{}, {"messages": 7}, {"messages": [7, {"role": "assistant", "content": "x"}]}])
def test_without_thoughts_all_are_own(payload: dict[str, Any]) -> None:
    assert without_foreign_thoughts(payload, CLAUDE) is None


CLAUDE = PROFILES["claude-4"]
FOREIGN = {"type": "thinking", "thinking": "hm", "signature": ""}
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
HELLO = {"role": "user", "content": "hi"}
CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]}


def pruned(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = without_foreign_thoughts({"model": "m", "messages": list(messages), **more}, CLAUDE)
    assert found is not None
    return found


def of_model(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def test_only_thoughts_of_others_are_cut_out() -> None:
    asked = {"model": "m", "messages": [HELLO, of_model(FOREIGN, SIGNED, {"type": "text", "text": "a"}), HELLO], "speed": "fast"}
    assert without_foreign_thoughts(asked, CLAUDE) == {**asked, "messages": [HELLO, of_model(SIGNED, {"type": "text", "text": "a"}), HELLO]}
    assert asked["messages"][1] == of_model(FOREIGN, SIGNED, {"type": "text", "text": "a"})


def test_a_turn_of_nothing_but_thoughts_of_others_goes_as_a_whole() -> None:
    assert pruned(HELLO, of_model(FOREIGN), HELLO)["messages"] == [HELLO, HELLO]


def test_no_budget_is_set_in_the_midst_of_calls_before_which_others_thought() -> None:
    kept, cleared = {"type": "clear_tool_uses_20250919"}, {"type": "clear_thinking_20251015", "keep": "all"}
    more = {"thinking": {"type": "enabled", "budget_tokens": 2048}, "context_management": {"edits": [kept, cleared]}}
    amid = pruned(HELLO, of_model(FOREIGN, CALL), RESULT, **more)
    assert "thinking" not in amid
    assert amid["context_management"] == {"edits": [kept]}
    assert pruned(HELLO, of_model(FOREIGN, SIGNED, CALL), RESULT, **more).items() >= more.items()
    assert pruned(HELLO, of_model(FOREIGN, CALL), RESULT, of_model(CALL), HELLO, **more).items() >= more.items()
    adaptive = {"thinking": {"type": "adaptive"}, "context_management": {"edits": [cleared]}}
    assert pruned(HELLO, of_model(FOREIGN, CALL), RESULT, **adaptive).items() >= adaptive.items()


def test_servers_of_other_makers_get_back_what_they_did_not_sign() -> None:
    other = PROFILES["anthropic"]
    more = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    tagged = FOREIGN | {"signature": "gemini:c2ln"}
    assert without_foreign_thoughts({"messages": [HELLO, of_model(FOREIGN, CALL), RESULT], **more}, other) is None
    rest = without_foreign_thoughts({"messages": [HELLO, of_model(FOREIGN, tagged, CALL), RESULT], **more}, other)
    assert rest == {"messages": [HELLO, of_model(FOREIGN, CALL), RESULT], **more}
