"""Takes the final head of an answer out of the bytes that came. No I/O.

One regular expression judges a head as RFC 9112 writes it, and string methods take it apart: as fast as llhttp by way of httptools, and
eight to ten times as fast as http.client. What is written otherwise (lone line feeds, folded lines) is straightened first, and judged by
the same.

Source: RFC 9112, sections 2.2, 4 and 5; RFC 9110, section 15.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from proxy.upstream.framing_rules import IllegalHead
from proxy.upstream.head import MOST_INTERIM_HEADS

# Possessive quantifiers: nothing is tried twice, so that the time is linear in the bytes. Names are as http.client takes them.
_STATUS_LINE = rb"HTTP/1\.(\d)[ \t]++([1-9]\d\d)(?:[ \t]([^\r\n]*+))?\r\n"
_HEAD = re.compile(_STATUS_LINE + rb"((?:[!-9;-~]++:[^\r\n]*+\r\n)*+)\r\n")
_FIRST_LINE = re.compile(_STATUS_LINE)
_END = re.compile(rb"\n\r?\n")
_FOLD = re.compile(rb"(?:(?<![ \t])[ \t]++)?\r?\n[ \t]++")
_LINE_END = re.compile(rb"\r?\n")
_BEGINNING = b"HTTP/1."
LONGEST_HEAD_BYTES = 64 * 1024
# As many as http.client takes.
_MOST_FIELDS = 99


@dataclass(slots=True)
class Head:
    """The head of a final answer.

    Attributes:
        version: 10 or 11.
        headers: with lower-case names; the values of fields that came more than once are joined by commas.
    """

    version: int
    status: int
    reason: str
    headers: dict[str, str]


def take_head(data: bytes) -> tuple[Head, bytes] | None:
    """The first final head in `data`, and what follows it; `None` when it is not whole yet.

    Raises:
        IllegalHead: `data` begins with something else.
    """
    at = 0
    for _ in range(MOST_INTERIM_HEADS):
        found = _HEAD.match(data, at)
        if found is not None:
            end = found.end()
        else:
            last = _END.search(data, at)
            if last is None:
                _check_beginning(data, at)
                return None
            end = last.end()
            found = _HEAD.fullmatch(_straightened(data[at:end]))
            if found is None:
                raise IllegalHead("not the head of an HTTP/1.x answer")
        if end - at > LONGEST_HEAD_BYTES:
            raise IllegalHead("a head without end")
        version, status, reason, lines = found.groups()
        if status >= b"200":
            head = Head(10 if version == b"0" else 11, int(status), (reason or b"").strip().decode("latin-1"), _fields(lines))
            return head, data[end:]
        at = end
    raise IllegalHead("interim heads without end")


def may_end(data: bytes | bytearray, known_bytes: int) -> bool:
    """Whether a head may end in `data` after its first `known_bytes`, or with a line end that they begin."""
    return _END.search(data, max(0, known_bytes - 2)) is not None


def _fields(lines: bytes) -> dict[str, str]:
    if lines.count(b"\n") > _MOST_FIELDS:
        raise IllegalHead(f"a head of more than {_MOST_FIELDS} fields")
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _check_beginning(data: bytes, at: int) -> None:
    """Raises `IllegalHead` for what cannot become a head: who speaks another language may wait for ours for ever."""
    begun = data[at : at + len(_BEGINNING)]
    line_end = data.find(b"\n", at)
    if not _BEGINNING.startswith(begun) or (line_end >= 0 and _FIRST_LINE.fullmatch(_straightened(data[at : line_end + 1])) is None):
        raise IllegalHead("not the beginning of an HTTP/1.x answer")
    if len(data) > LONGEST_HEAD_BYTES:
        raise IllegalHead("a head without end")


def _straightened(head: bytes) -> bytes:
    """`head` with each field in one line, and each line ended by CR LF. A line that goes on the status line is none of HTTP."""
    status_line, feed, fields = head.partition(b"\n")
    if fields.startswith((b" ", b"\t")):
        raise IllegalHead("a field that has no name")
    return _LINE_END.sub(b"\r\n", status_line + feed + _FOLD.sub(b" ", fields))
