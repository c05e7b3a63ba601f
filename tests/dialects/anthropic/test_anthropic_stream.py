"""Streams of `/v1/messages`, read by the vendor's SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.completion import FinishReason, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.fold import collect
from proxy.canonical.grammar import check
from proxy.canonical.request import Sampling
from proxy.dialects.anthropic.rendering import render_message
from proxy.errors import UpstreamBroken, UpstreamRefused
from tests.dialects.anthropic.answers import STOPWATCH, a_call, a_chat_request, a_part, a_renderer, a_stream, records, rendered, types

Reads = Callable[..., anthropic.Anthropic]
ASKED: Any = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def read(client: anthropic.Anthropic) -> anthropic.types.Message:
    """The message that the SDK puts together."""
    with client.messages.stream(**ASKED) as stream:
        return stream.get_final_message()


def test_sdk_reads_text_when_it_comes_in_pieces(sdk: Reads) -> None:
    stream = rendered(a_stream(a_part("text", "Hel", "lo"), usage=Usage(5, 2)))
    message = read(sdk(stream))
    assert [block.to_dict() for block in message.content] == [{"type": "text", "text": "Hello"}]
    assert (message.model, message.stop_reason, message.stop_sequence) == ("claude", "end_turn", None)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (5, 2)
    assert message.id == "msg_1"
    assert types(stream) == [
        "message_start",
        "content_block_start text",
        "content_block_delta text_delta",
        "content_block_delta text_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_sdk_reads_all_kinds_of_blocks_when_they_come_in_any_order(sdk: Reads) -> None:
    parts = (
        a_part("reasoning", "plan", closed=PartClosed("c2ln", "anthropic")),
        a_part("text", "ok"),
        a_part("reasoning", "more"),
        a_call("a", "f", '{"x"', ":1}"),
        a_call("b", "g", "{}"),
        a_part("text", "after"),
    )
    message = read(sdk(rendered(a_stream(*parts, finish="tool_calls"))))
    assert [block.to_dict() for block in message.content] == [
        {"type": "thinking", "thinking": "plan", "signature": "c2ln"},
        {"type": "text", "text": "ok"},
        {"type": "thinking", "thinking": "more", "signature": ""},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {}},
        {"type": "text", "text": "after"},
    ]
    assert message.stop_reason == "tool_use"


def test_arguments_go_out_while_the_model_writes_them() -> None:
    renderer = a_renderer()
    renderer.render([Started("1"), PartOpened("tool_call", "a", "f")])
    assert records(renderer.render([PartDelta('{"x"')]))[0]["delta"] == {"type": "input_json_delta", "partial_json": '{"x"'}


def test_parts_without_words_make_no_blocks() -> None:
    stream = rendered(a_stream(a_part("text", ""), a_part("reasoning"), a_part("text", "x")))
    assert [record["index"] for record in records(stream) if record["type"] == "content_block_start"] == [0]


def test_an_answer_of_nothing_is_a_message_of_nothing(sdk: Reads) -> None:
    message = read(sdk(rendered(a_stream())))
    assert (message.content, message.stop_reason) == ([], "end_turn")


def test_keep_alive_before_anybody_answers_is_a_ping_alone(sdk: Reads) -> None:
    renderer = a_renderer()
    early = renderer.render([KeepAlive()])
    assert types(early) == ["ping"]
    late = renderer.render([KeepAlive(), Started("msg_theirs"), *a_stream(a_part("text", "x"))[1:]])
    assert types(late)[:3] == ["ping", "message_start", "content_block_start text"]
    message = read(sdk(early + late))
    assert message.id == "msg_theirs"
    assert message.content[0].to_dict()["text"] == "x"


def test_keep_alive_of_an_answer_without_words_so_far_is_a_ping_behind_its_beginning(sdk: Reads) -> None:
    renderer = a_renderer()
    early = renderer.render([Started("msg_theirs"), KeepAlive()])
    assert types(early) == ["message_start", "ping"]
    late = renderer.render([KeepAlive(), *a_stream(a_part("text", "x"))[1:]])
    assert types(late)[:2] == ["ping", "content_block_start text"]
    message = read(sdk(early + late))
    assert message.id == "msg_theirs"
    assert message.content[0].to_dict()["text"] == "x"


def test_keep_alive_inside_a_block_leaves_it_open(sdk: Reads) -> None:
    events = [Started("1"), PartOpened("text"), PartDelta("a"), KeepAlive(), PartDelta("b"), PartClosed(), Finished("stop")]
    assert read(sdk(rendered(events))).content[0].to_dict()["text"] == "ab"


def test_what_the_upstream_counts_before_its_words_stands_in_the_beginning() -> None:
    start = records(rendered([Started("1"), UsageSeen(Usage(115, 1, 100, 5)), PartOpened("text"), PartDelta("x")]))[0]
    assert start["message"]["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 100,
        "output_tokens": 1,
    }


def test_usage_is_that_of_the_end(sdk: Reads) -> None:
    usage = read(sdk(rendered(a_stream(a_part("text", "x"), usage=Usage(115, 20, 100, None, 8))))).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (15, 100, 20)
    assert usage.output_tokens_details is not None
    assert usage.output_tokens_details.thinking_tokens == 8


@pytest.mark.parametrize(
    ("finish", "raw", "stop", "told"),
    [
        ("stop", "stop", "", ("end_turn", None)),
        ("stop", "stop", "END", ("stop_sequence", "END")),
        ("length", "length", "", ("max_tokens", None)),
        ("length", "model_context_window_exceeded", "", ("model_context_window_exceeded", None)),
        ("stop", "pause_turn", "", ("pause_turn", None)),
        ("stop", "CONTINUATION", "", ("pause_turn", None)),
        ("stop", "TOO_MANY_TOOL_CALLS", "", ("pause_turn", None)),
        ("tool_calls", "TOO_MANY_TOOL_CALLS", "", ("tool_use", None)),
        ("stop", "max_tokens", "", ("end_turn", None)),
        ("tool_calls", "tool_calls", "END", ("tool_use", None)),
        ("content_filter", "SAFETY", "", ("refusal", None)),
    ],
)
def test_stop_reason_is_of_anthropics_words(sdk: Reads, finish: Any, raw: str, stop: str, told: tuple[str, str | None]) -> None:
    message = read(sdk(rendered(a_stream(a_part("text", "x"), finish=finish, raw=raw, stop=stop))))
    assert (message.stop_reason, message.stop_sequence) == told


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(("usage", "told"), [(None, (5, 23)), (Usage(77), (77, 23)), (Usage(77, 8), (77, 8))])
def test_what_it_cost_is_estimated_where_the_upstream_was_left_at_a_stop_sequence(
    usage: Usage | None, told: tuple[int, int], hidden: bool
) -> None:
    """As a stream and as a whole, hidden thoughts included; what the upstream told is told as it is."""
    parts = a_part("reasoning", "p" * 40), a_part("text", "x" * 36, "y" * 4), a_call("a", "f", '{"x":1}')
    asked: Any = {"sampling": Sampling(max_tokens=99, stop=("END",)), "hides_reasoning": hidden}
    events = a_stream(*parts, stop="END", usage=usage)
    whole = orjson.loads(render_message(collect(events), a_chat_request(**asked), STOPWATCH))["usage"]
    assert records(rendered(events, **asked))[-2]["usage"] == whole
    assert (whole["input_tokens"], whole["output_tokens"]) == told


def test_refusal_is_text_that_ends_in_a_refusal(sdk: Reads) -> None:
    message = read(sdk(rendered(a_stream(a_part("refusal", "I won't")))))
    assert (message.content[0].to_dict()["text"], message.stop_reason) == ("I won't", "refusal")


@pytest.mark.parametrize(
    ("closed", "block"),
    [
        (PartClosed("c2ln", "anthropic"), {"type": "thinking", "thinking": "", "signature": "c2ln"}),
        (PartClosed("c2ln", "gemini"), {"type": "thinking", "thinking": "", "signature": "gemini:c2ln"}),
        (PartClosed("ZGF0", "anthropic", redacted=True), {"type": "redacted_thinking", "data": "ZGF0"}),
        (PartClosed("ZGF0", "openai", redacted=True), {"type": "redacted_thinking", "data": "openai*:ZGF0"}),
    ],
)
def test_state_without_words_comes_through(sdk: Reads, closed: PartClosed, block: dict[str, str]) -> None:
    events = a_stream(a_part("reasoning", closed=closed), a_part("text", "x"))
    assert [found.to_dict() for found in read(sdk(rendered(events))).content] == [block, {"type": "text", "text": "x"}]


def test_thoughts_that_end_hidden_are_two_blocks(sdk: Reads) -> None:
    events = a_stream(a_part("reasoning", "plan", closed=PartClosed("ZGF0", "anthropic", redacted=True)), a_part("text", "x"))
    assert [block.type for block in read(sdk(rendered(events))).content] == ["thinking", "redacted_thinking", "text"]


def test_hidden_thoughts_leave_their_signature(sdk: Reads) -> None:
    events = a_stream(a_part("reasoning", "secret", closed=PartClosed("c2ln", "anthropic")), a_part("text", "x"))
    stream = rendered(events, hides_reasoning=True)
    assert b"secret" not in stream
    assert read(sdk(stream)).content[0].to_dict() == {"type": "thinking", "thinking": "", "signature": "c2ln"}


def test_nothing_of_thoughts_is_shown_to_who_wants_none(sdk: Reads) -> None:
    events = a_stream(a_part("reasoning", "secret", closed=PartClosed("c2ln", "anthropic")), a_part("text", "x"))
    assert [block.type for block in read(sdk(rendered(events, reasoning="off"))).content] == ["text"]


def test_failure_raises_in_the_sdk_after_words(sdk: Reads) -> None:
    error = UpstreamBroken("the upstream's answer ended before it was complete")
    stream = rendered([Started("1"), PartOpened("text"), PartDelta("hal"), Failed(error)])
    assert types(stream)[-1] == "error"
    with pytest.raises(anthropic.APIStatusError, match="before it was complete") as caught:
        read(sdk(stream))
    assert caught.value.body == {"type": "error", "error": {"type": "api_error", "message": error.message}}


def test_failure_raises_in_the_sdk_after_pings(sdk: Reads) -> None:
    renderer = a_renderer()
    stream = renderer.render([KeepAlive()]) + renderer.render([Failed(UpstreamRefused("busy", status=503))])
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        read(sdk(stream))


def test_arguments_that_are_no_object_are_a_failure(sdk: Reads) -> None:
    renderer = a_renderer()
    stream = renderer.render(a_stream(a_call("a", "f", '{"a":1}{"b":2}'), finish="tool_calls"))
    assert isinstance(renderer.failure, UpstreamBroken)
    assert types(stream)[-1] == "error"
    with pytest.raises(anthropic.APIStatusError, match="tool 'f'"):
        read(sdk(stream))


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_tokens"), ("content_filter", "refusal")])
def test_arguments_that_were_cut_off_end_as_anthropics_own(sdk: Reads, finish: FinishReason, reason: str) -> None:
    renderer = a_renderer()
    message = read(sdk(renderer.render(a_stream(a_call("a", "f", '{"x":'), finish=finish))))
    assert renderer.failure is None
    assert message.stop_reason == reason


def test_line_ends_of_unicode_do_not_break_lines() -> None:
    stream = rendered(a_stream(a_part("text", "a\u2028b\u0085c")))
    assert "\u2028" not in stream.decode()
    assert records(stream)[2]["delta"]["text"] == "a\u2028b\u0085c"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
CLOSED = st.sampled_from([PartClosed(), PartClosed("c2ln", "anthropic"), PartClosed("c2ln", "gemini")])
PARTS = st.one_of(
    st.builds(lambda texts: a_part("text", *texts), st.lists(TEXTS, min_size=1, max_size=3)),
    st.builds(lambda texts, closed: a_part("reasoning", *texts, closed=closed), st.lists(TEXTS, min_size=1, max_size=3), CLOSED),
    st.just(a_part("reasoning", closed=PartClosed("ZGF0", "anthropic", redacted=True))),
    st.builds(lambda key: a_call("?", "f", "{", f'"{key}"', ":1", "}"), st.sampled_from("abc")),
)


@given(st.lists(PARTS, max_size=6), st.integers(0, 7), st.data())
def test_stream_and_whole_say_the_same(parts: list[list[ChatEvent]], pings: int, data: st.DataObject) -> None:
    """Also however the events are bundled. Blocks are dense, one is open at a time."""
    for place, part in enumerate(parts):
        if part[0].kind == "tool_call":  # type: ignore[union-attr]
            parts[place] = [PartOpened("tool_call", f"call_{place}", "f"), *part[1:]]
    events = a_stream(*parts, usage=Usage(9, 8))
    check(events)
    for _ in range(pings):
        events.insert(data.draw(st.integers(0, len(events) - 1)), KeepAlive())
    renderer, stream = a_renderer(), b""
    while events:
        size = data.draw(st.integers(1, len(events)))
        stream += renderer.render(events[:size])
        del events[:size]
    whole = records_of_whole(parts)
    assert put_together(records(stream)) == whole


def records_of_whole(parts: list[list[ChatEvent]]) -> list[dict[str, Any]]:
    completion = collect(a_stream(*parts))
    content: list[dict[str, Any]] = orjson.loads(render_message(completion, a_chat_request(), STOPWATCH))["content"]
    return content


def put_together(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks that a strict reader makes of a stream."""
    blocks: list[dict[str, Any]] = []
    arguments, is_open = "", False
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(blocks)
                blocks.append(dict(event["content_block"]))
                arguments, is_open = "", True
            case "content_block_delta":
                assert is_open
                assert event["index"] == len(blocks) - 1
                delta = event["delta"]
                for member in ("text", "thinking", "signature"):
                    if member in delta:
                        blocks[-1][member] += delta[member]
                arguments += delta.get("partial_json", "")
            case "content_block_stop":
                assert is_open
                assert event["index"] == len(blocks) - 1
                if arguments:
                    blocks[-1]["input"] = orjson.loads(arguments)
                is_open = False
    assert next(event["type"] for event in events if event["type"] != "ping") == "message_start"
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    assert not is_open
    return blocks
