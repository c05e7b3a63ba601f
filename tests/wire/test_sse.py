from __future__ import annotations

import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UpstreamBroken
from proxy.wire.sse import SseEvent, SseReader, sse_data


def read(*chunks: bytes) -> list[SseEvent]:
    reader = SseReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()


def data_of(*chunks: bytes) -> list[bytes]:
    return [event.data for event in read(*chunks)]


def test_data_lines_are_events() -> None:
    assert read(b'data: {"a":1}\n\ndata: [DONE]\n\n') == [SseEvent(b'{"a":1}'), SseEvent(b"[DONE]")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_is_known(end: bytes) -> None:
    stream = b"data: one\n\ndata: two\ndata: three\n\n".replace(b"\n", end)
    assert data_of(stream) == [b"one", b"two\nthree"]


def test_a_crlf_cut_in_its_middle_is_one_line_end() -> None:
    assert data_of(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [b"a\nb"]


def test_a_cr_at_the_end_of_a_read_ends_its_line_at_once() -> None:
    reader = SseReader()
    assert [event.data for event in reader.feed(b"data: a\r\r")] == [b"a"]
    assert reader.feed(b"\n") == []
    assert [event.data for event in reader.feed(b"data: b\r\r")] == [b"b"]


def test_line_ends_may_be_mixed() -> None:
    assert data_of(b"data: a\n\r\ndata: b\r\n\rdata: c\n\n") == [b"a", b"b", b"c"]


def test_no_space_or_one_space_after_the_colon_is_no_part_of_the_value() -> None:
    assert data_of(b"data:a\n\ndata: b\n\ndata:  c\n\n") == [b"a", b"b", b" c"]


def test_comments_and_unknown_fields_are_left_out() -> None:
    assert data_of(b": OPENROUTER PROCESSING\n\nid: 7\nretry: 10\nfoo: bar\n: x\ndata: a\n\n: end\n\n") == [b"a"]


def test_the_event_line_names_its_event_only() -> None:
    assert read(b"event: error\ndata: a\n\ndata: b\n\nevent: lost\n\ndata: c\n\n") == [
        SseEvent(b"a", name="error"),
        SseEvent(b"b"),
        SseEvent(b"c"),
    ]


@pytest.mark.parametrize("cut", range(4))
def test_a_bom_is_left_out_wherever_it_is_cut(cut: int) -> None:
    stream = b"\xef\xbb\xbfdata: a\n\n"
    assert data_of(stream[:cut], stream[cut:]) == [b"a"]


def test_what_only_begins_like_a_bom_is_kept() -> None:
    assert data_of(b"\xef", b"\xbb!: x\ndata: a\n\n") == [b"a"]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_the_last_event_may_lack_its_blank_line(end: bytes) -> None:
    assert data_of(b"data: a\n\ndata: b" + end) == [b"a", b"b"]


def test_a_json_line_without_a_field_is_told_as_such() -> None:
    assert read(b'data: a\n\n{"error":"x"}\n\n') == [SseEvent(b"a"), SseEvent(b'{"error":"x"}', field="bare")]


def test_bare_json_may_have_several_lines_and_follow_and_precede_data_without_a_blank_line() -> None:
    assert read(b'data: a\n{\n  "error": {}\n}\ndata: b\n\n') == [
        SseEvent(b"a"),
        SseEvent(b'{\n  "error": {}\n}', field="bare"),
        SseEvent(b"b"),
    ]


def test_the_field_error_is_told_as_such() -> None:
    assert read(b'error: {"message":"x"}\n\n') == [SseEvent(b'{"message":"x"}', field="error")]


def test_an_event_that_is_too_long_breaks_the_stream() -> None:
    reader = SseReader(max_event_bytes=100)
    assert reader.feed(b"data: " + b"x" * 200 + b"\n\n") != [], "what is whole in one read is there already"
    reader.feed(b"data: " + b"x" * 95)
    with pytest.raises(UpstreamBroken, match="more than 100 bytes"):
        reader.feed(b"x\n\n")


def test_many_short_lines_of_one_event_count_together() -> None:
    reader = SseReader(max_event_bytes=100)
    for _ in range(51):
        reader.feed(b"data: xx\n")
    with pytest.raises(UpstreamBroken):
        reader.feed(b"data: xx\n")


def test_the_limit_is_for_one_event_not_for_the_stream() -> None:
    reader = SseReader(max_event_bytes=100)
    events = [event for _ in range(50) for piece in (b"data: " + b"x" * 50, b"\ndata: y\n", b"\n") for event in reader.feed(piece)]
    assert len(events) == 50


def test_an_event_of_twelve_megabytes_in_small_pieces_is_read_in_linear_time() -> None:
    stream = b"data: " + b"x" * 12_000_000 + b"\n\n"
    reader = SseReader()
    began = time.perf_counter()
    events = [event for at in range(0, len(stream), 16_384) for event in reader.feed(stream[at : at + 16_384])]
    assert [len(event.data) for event in events] == [12_000_000]
    assert time.perf_counter() - began < 2, "a quadratic reader takes minutes"


LINES = st.sampled_from(
    [
        *(
            b"data: a",
            b"data:b",
            b"data",
            b"data: \xe5\x8c\x97\xf0\x9f\x98\x80",
            b"event: error",
            b"event:",
            b": c",
            b"id: 1",
            b"error: {}",
        ),
        *(b'{"error":1}', b"[", b"  }", b"", b"", b"", b"junk"),
    ]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"])), max_size=20).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(STREAMS, st.data())
def test_any_cut_gives_the_same_events(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = read(stream)
    assert read(*pieces) == whole
    assert read(*(stream[at : at + 1] for at in range(len(stream)))) == whole


def test_a_written_event_is_read_back() -> None:
    text = orjson.dumps({"a": "x\ny"})
    assert sse_data(text) == b'data: {"a":"x\\ny"}\n\n'
    assert data_of(sse_data(text)) == [text]


NAMED = st.lists(
    st.sampled_from(
        [b"event: a\ndata: 1\n\n", b"event: b\ndata: \n\n", b"event:  c\ndata:  2\n\n", b"event: d\n\n", b"event: e\ndata: 1\ndata: 2\n\n"]
    )
    | st.sampled_from(
        [b"event: f\nevent: g\ndata: 3\n\n", b"event: h\nid: 4\ndata: 4\n\n", b"\n\n", b": x\n\n", b"data: 5\n\n", b'{"a":1}\n\n']
    ),
    max_size=6,
)


@given(NAMED)
def test_named_events_in_one_read_are_those_that_come_byte_by_byte(pieces: list[bytes]) -> None:
    stream = b"event: first\ndata: 0\n\n" + b"".join(pieces)
    whole, slow = SseReader(), SseReader()
    assert whole.feed(stream) + whole.close() == [event for byte in stream for event in slow.feed(bytes((byte,)))] + slow.close()
