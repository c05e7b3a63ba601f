"""Any cut of the bytes gives the same body; what is no legal body says so."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.framing import BrokenFraming, ChunkedFraming, Framing, OpenFraming, SizedFraming


def chunked(parts: list[bytes], *, size: bytes = b"%x\r\n", last: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(size % len(part) + part + b"\r\n" for part in parts) + last


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(edges)]


def body_of(framing: Framing, data: list[bytes]) -> bytes:
    return b"".join(framing.feed(piece) for piece in data)


@given(parts=st.lists(st.binary(min_size=1, max_size=40), max_size=8), cuts=st.lists(st.integers(0, 10_000), max_size=30))
def test_any_cut_gives_the_same_body(parts: list[bytes], cuts: list[int]) -> None:
    framing = ChunkedFraming()
    assert body_of(framing, pieces(chunked(parts), cuts)) == b"".join(parts)
    assert framing.ended
    assert framing.reusable


@pytest.mark.parametrize("last", [b"0\r\n\r\n", b"0\r\nX-Trailer: 1\r\nY: 2\r\n\r\n", b"0;ext=1\r\n\r\n", b"000\n\n"])
@pytest.mark.parametrize("size", [b"%x\r\n", b"%X \r\n", b"%x;name=value\r\n", b"%08x\n"])
def test_sizes_have_extensions_and_the_end_has_trailers(size: bytes, last: bytes) -> None:
    data = chunked([b"one", b"\r\n", b"three" * 10], size=size, last=last)
    for step in (1, 3, len(data)):
        framing = ChunkedFraming()
        assert body_of(framing, [data[at : at + step] for at in range(0, len(data), step)]) == b"one\r\n" + b"three" * 10
        assert framing.ended


def test_what_there_is_of_a_chunk_comes_out_at_once() -> None:
    framing = ChunkedFraming()
    assert framing.feed(b"10\r\nhalf") == b"half"
    assert framing.feed(b" of it") == b" of it"
    assert not framing.ended


def test_all_chunks_of_one_read_come_out_together() -> None:
    assert ChunkedFraming().feed(b"1\r\na\r\n1\r\nb\r\n1\r\nc") == b"abc"


ILLEGAL = [
    b"\r\n5\r\n",
    b"xyz\r\n",
    b"-1\r\n",
    b"+1\r\na\r\n",
    b"0x5\r\n",
    b"1_0\r\n",
    b"3\r\nabcd\r\n",
    b"3\r\nabc5\r\n",
    b"3\r\nabc\r\n\r\n3\r\n",
    b"f" * 16 + b"\r\n",
    b"1;" + b"a" * 5_000,
    b"0\r\n" + b"X: y\r\n" * 4_000,
]


@pytest.mark.parametrize("data", ILLEGAL)
def test_broken_chunks_are_told(data: bytes) -> None:
    for step in (1 if len(data) < 100 else 1_000, len(data)):
        framing = ChunkedFraming()
        with pytest.raises(BrokenFraming):
            body_of(framing, [data[at : at + step] for at in range(0, len(data), step)])


@pytest.mark.parametrize("data", [b"", b"3\r\n", b"3\r\nab", b"3\r\nabc", b"3\r\nabc\r\n", b"0\r\n", b"0\r\n\r"])
def test_a_chunked_body_that_ends_with_its_connection_is_cut(data: bytes) -> None:
    framing = ChunkedFraming()
    if data:
        framing.feed(data)
    assert not framing.ended
    with pytest.raises(BrokenFraming):
        framing.connection_ended()


def test_bytes_after_the_end_make_the_connection_useless() -> None:
    framing = ChunkedFraming()
    assert framing.feed(b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK") == b"a"
    assert framing.ended
    assert not framing.reusable
    sized = SizedFraming(2)
    assert sized.feed(b"abc") == b"ab"
    assert sized.ended
    assert not sized.reusable


def test_a_sized_body_ends_with_its_last_byte() -> None:
    framing = SizedFraming(5)
    assert framing.feed(b"ab") == b"ab"
    assert not framing.ended
    with pytest.raises(BrokenFraming, match="3 bytes"):
        framing.connection_ended()
    assert framing.feed(b"cde") == b"cde"
    assert framing.ended
    assert framing.reusable
    assert SizedFraming(0).ended


def test_an_open_body_ends_with_its_connection() -> None:
    framing = OpenFraming()
    assert framing.feed(b"ab") == b"ab"
    assert not framing.ended
    framing.connection_ended()
    assert framing.ended
    assert not framing.reusable
