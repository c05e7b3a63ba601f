"""Heads as bytes: judged as http.client judges them, but for what nobody should believe."""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse, parse_headers

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.framing_rules import IllegalHead
from proxy.upstream.head_parser import LONGEST_HEAD_BYTES, Head, may_end, take_head

USUAL = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"


def head_of(data: bytes) -> Head:
    """The head in `data`, with nothing behind it."""
    taken = take_head(data)
    assert taken is not None
    assert taken[1] == b""
    return taken[0]


def test_a_head_is_told_from_what_follows_it() -> None:
    head, rest = take_head(USUAL + b"{}") or pytest.fail("no head")
    assert (head.version, head.status, head.reason) == (11, 200, "OK")
    assert head.headers == {"content-type": "application/json", "content-length": "2"}
    assert rest == b"{}"


@pytest.mark.parametrize(
    ("written", "headers"),
    [
        (b"A: 1\nB: 2\n\n", {"a": "1", "b": "2"}),
        (b"A: 1\r\nB: 2\n\r\n", {"a": "1", "b": "2"}),
        (b"A:1\r\nB: \t2 \t\r\nC:\r\n\r\n", {"a": "1", "b": "2", "c": ""}),
        (b"A: one,\r\n  two\r\n\tthree\r\nB: 2\r\n\r\n", {"a": "one, two three", "b": "2"}),
        (b"A: one\r\n \r\n\t two\n\r\n", {"a": "one  two"}),
        (b"A: 1\r\nb: x:y\r\na: 2\r\n\r\n", {"a": "1, 2", "b": "x:y"}),
        (b"A: caf\xe9\r\n\r\n", {"a": "caf\xe9"}),
        (b"odd(name)/: 1\0\x01\r\n\r\n", {"odd(name)/": "1\0\x01"}),
        (b"\r\n", {}),
    ],
)
def test_fields_are_read_however_they_are_written(written: bytes, headers: dict[str, str]) -> None:
    assert head_of(b"HTTP/1.1 200 OK\r\n" + written).headers == headers


@pytest.mark.parametrize(
    ("line", "version", "status", "reason"),
    [
        (b"HTTP/1.1 200", 11, 200, ""),
        (b"HTTP/1.1 200 ", 11, 200, ""),
        (b"HTTP/1.1  404  Not  here", 11, 404, "Not  here"),
        (b"HTTP/1.0 503 Busy", 10, 503, "Busy"),
        (b"HTTP/1.2 599 Caf\xe9", 11, 599, "Caf\xe9"),
    ],
)
def test_status_lines_vary(line: bytes, version: int, status: int, reason: str) -> None:
    head = head_of(line + b"\r\n\r\n")
    assert (head.version, head.status, head.reason) == (version, status, reason)


ILLEGAL = [
    b"HTTP/2 200 OK\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 99 OK\r\n\r\n",
    b"HTTP/1.1 +20 OK\r\n\r\n",
    b"HTTP/1.1 OK\r\n\r\n",
    b"http/1.1 200 OK\r\n\r\n",
    b"ICY 200 OK\r\n\r\n",
    b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"<html>",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",  # HTTP/2 begins so.
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nName : value\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n: value\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n folded: value\r\n\r\n",
    b"HTTP/1.1 200 OK\n\tfolded: value\n\n",
    b"HTTP/1.1 200 OK\r\nA: 1\rB: 2\r\n\r\n",
    b"HTTP/1.1 200 O\rK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nA: " + b"x" * LONGEST_HEAD_BYTES,
    b"HTTP/1.1 102 Processing\r\n\r\n" * 200,
]


@pytest.mark.parametrize("data", ILLEGAL)
def test_what_is_no_head_is_refused_as_soon_as_that_can_be_seen(data: bytes) -> None:
    with pytest.raises(IllegalHead):
        take_head(data)


@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3])
def test_a_head_that_is_not_whole_is_waited_for(interim: bytes) -> None:
    whole = interim + b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\n"
    assert [take_head(whole[:cut]) for cut in range(len(whole))] == [None] * len(whole)
    assert head_of(whole).headers == {"a": "1"}


NAMES = st.text(alphabet="!#$%&'*+.^_`|~-0123456789abcxyzABCXYZ", min_size=1, max_size=12)
VALUES = st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f\x85"), max_size=20)


@given(
    status=st.integers(200, 599),
    reason=st.sampled_from(["", "OK", "Not Found"]),
    fields=st.lists(st.tuples(NAMES, VALUES), max_size=12),
    end=st.sampled_from(["\r\n", "\n"]),
)
def test_heads_are_read_as_http_client_reads_them(status: int, reason: str, fields: list[tuple[str, str]], end: str) -> None:
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields), "", ""]
    data = end.join(lines).encode("latin-1")
    source = io.BytesIO(data)
    line = HTTPResponse.__new__(HTTPResponse)
    line.fp, line.debuglevel = source, 0  # type: ignore[assignment]
    _, theirs, phrase = line._read_status()  # type: ignore[attr-defined]
    message = parse_headers(source)
    joined: dict[str, str] = {}
    for name, value in message.items():
        told = value.strip(" \t")
        joined[name.lower()] = f"{joined[name.lower()]}, {told}" if name.lower() in joined else told
    head = head_of(data)
    assert (head.status, head.reason) == (theirs, phrase.strip())
    assert head.headers == joined


@pytest.mark.parametrize("nearly", [b"A: b\r\n" * 8_000 + b" \r\n", b"A: " + b" " * 60_000 + b"b\n", b"A: " + b"\r\n " * 20_000 + b"b\n"])
def test_the_time_it_takes_is_linear(nearly: bytes) -> None:
    """A head that nearly matches is what makes expressions try again and again."""
    head = b"HTTP/1.1 200 OK\r\n" + nearly + b"broken\r\n\r\n"
    began_s = time.process_time()
    with pytest.raises(IllegalHead):
        take_head(head)
    assert time.process_time() - began_s < 1


def test_a_head_of_more_fields_than_http_client_takes_is_refused() -> None:
    fields = b"".join(b"x-%d: 1\r\n" % number for number in range(99))
    taken = take_head(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n")
    assert taken is not None
    assert len(taken[0].headers) == 99
    with pytest.raises(IllegalHead, match="99 fields"):
        take_head(b"HTTP/1.1 200 OK\r\n" + fields + b"one: more\r\n\r\n")


@pytest.mark.parametrize("known_bytes", [0, 5, 6, 7, 8])
def test_a_head_may_end_where_the_pieces_meet(known_bytes: int) -> None:
    assert may_end(b"a: b\r\n\r\n", known_bytes) is (known_bytes < 8)
    assert not may_end(b"a: b\r\nc: d\r\n", known_bytes)
