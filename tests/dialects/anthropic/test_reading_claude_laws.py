"""Laws of the reader of Anthropic's answers, over cuts and records by chance."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.events import Failed, Finished
from proxy.canonical.fold import collect
from proxy.errors import UpstreamBroken
from tests.dialects.anthropic.streamed import (
    PING,
    STOP,
    a_message,
    a_stream,
    delta,
    message_delta,
    message_start,
    read,
    read_whole,
    sse,
    start,
    stop,
    text,
    thinking,
    tool_use,
)
from tests.dialects.reading_laws import bytes_of, comparable, pieces_of

STREAM = a_stream(
    thinking(0, "sig==", "h", "m 北"),
    text(1, "He", "llo 😀"),
    tool_use(2, "t", "f", '{"x"', ":1}"),
    tool_use(3, "u", "g"),
    reason="tool_use",
)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_one_byte_at_a_time_gives_the_same_events(end: bytes) -> None:
    stream = STREAM.replace(b"\n", end)
    assert read(*bytes_of(stream)) == read(STREAM)


@given(st.lists(st.integers(0, 100_000), max_size=12))
def test_any_cut_gives_the_same_events(cuts: list[int]) -> None:
    assert read(*pieces_of(STREAM, cuts)) == read(STREAM)


@pytest.mark.parametrize("at", range(1, STREAM.index(b'"stop_reason":"'), 41))
def test_every_stream_that_breaks_off_before_its_reason_is_broken(at: int) -> None:
    with pytest.raises(UpstreamBroken):
        collect(read(STREAM[:at]))


WORDS = st.sampled_from(["a", "", "😀", "\n"])
INDEX = st.integers(0, 2)
BLOCKS = st.one_of(
    st.builds(text, INDEX, WORDS),
    st.builds(thinking, INDEX, WORDS, WORDS),
    st.builds(
        tool_use, INDEX, st.sampled_from(["t", "u", ""]), st.sampled_from(["f", "g", "answer_in_json_"]), st.sampled_from(["", "{}", "{"])
    ),
    st.builds(lambda index: [start(index, "redacted_thinking", data="d"), stop(index)], INDEX),
    st.builds(lambda index: [start(index, "server_tool_use", id="s", name="n", input={})], INDEX),
)
RECORDS = st.one_of(
    BLOCKS,
    st.builds(
        lambda index, kind, word: [delta(index, kind, word)], INDEX, st.sampled_from(["text", "thinking", "signature", "input_json"]), WORDS
    ),
    st.builds(lambda index: [stop(index)], INDEX),
    st.sampled_from([[PING], [message_start()], [message_delta()], [message_delta("max_tokens")], [message_delta("refusal")], [STOP]]),
    st.sampled_from([[{"error": "boom"}], [{"type": "error", "error": {"type": "api_error", "message": "boom"}}], [b": comment\n\n"]]),
)


@given(st.lists(RECORDS, max_size=8), st.booleans(), st.lists(st.integers(0, 100_000), max_size=8))
def test_records_in_any_order_give_a_legal_stream_whatever_the_cuts(groups: list[list[Any]], ends: bool, cuts: list[int]) -> None:
    stream = sse(*(record for group in groups for record in group), *([message_delta(), STOP] if ends else []))
    assert comparable(read(*pieces_of(stream, cuts))) == comparable(read(*pieces_of(stream, [])))


@given(st.lists(BLOCKS, max_size=5), st.sampled_from(["end_turn", "tool_use", "max_tokens", "refusal"]))
def test_stream_and_whole_answer_agree(groups: list[list[dict[str, Any]]], reason: str) -> None:
    content, records = [], []
    for index, group in enumerate(groups):
        block = dict(group[0]["content_block"])
        for record in group:
            if record["type"] == "content_block_delta":
                (name,) = record["delta"].keys() - {"type"}
                field = "input" if name == "partial_json" else name
                block[field] = (block.get(field) or "") + record["delta"][name]
        content.append(block)
        records.append([{**record, "index": index} for record in group])
    assert collect(read(a_stream(*records, reason=reason))) == collect(read_whole(a_message(*content, reason=reason)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 600) | st.sampled_from(["", "a", "end_turn", "error", "text", "tool_use", "message"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "type",
                        "index",
                        "delta",
                        "content_block",
                        "message",
                        "content",
                        "text",
                        "thinking",
                        "signature",
                        "data",
                        "id",
                        "name",
                    ),
                    *("input", "partial_json", "usage", "input_tokens", "stop_reason", "stop_sequence", "stop_details", "error", "code"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
TYPED = st.builds(
    lambda kind, record: {**record, "type": kind},
    st.sampled_from(["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message"]),
    st.dictionaries(st.sampled_from(["index", "delta", "content_block", "message", "content", "usage", "stop_reason"]), JSON, max_size=4),
)


@given(st.lists(JSON | TYPED, max_size=5))
def test_no_json_makes_the_reader_crash(records: list[Any]) -> None:
    for events in (read(sse(*records, STOP)), read(sse(message_start(), *text(0, "a"), *records)), *map(read_whole, records)):
        assert isinstance(events[-1], Failed | Finished)


@given(
    st.lists(st.binary(max_size=30) | st.sampled_from([b"data: ", b"\n\n", b"event: error\n", b"{", b"[DONE]", b"\r", b"<a>"]), max_size=8)
)
def test_no_bytes_make_the_reader_crash(pieces: list[bytes]) -> None:
    for events in (read(*(piece for piece in pieces if piece)), read_whole(b"".join(pieces))):
        assert isinstance(events[-1], Failed | Finished)


@pytest.mark.parametrize("levels", [300, 1000, 100_000])
def test_no_depth_makes_the_reader_crash(levels: int) -> None:
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    for around in (
        b"%b",
        b'{"error":%b}',
        b'{"type":"message","content":[{"type":"tool_use","id":"t","name":"f","input":%b}]}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":%b}}',
    ):
        body = around.replace(b"%b", deep)
        assert isinstance(read_whole(body)[-1], Failed)
        assert isinstance(read(b"data: " + body + b"\n\n")[-1], Failed)
