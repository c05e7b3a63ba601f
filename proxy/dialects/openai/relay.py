"""Relayed OpenAI answers: what they cost, whether a stream came to its own end, and what is added when it did not."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

import orjson

from proxy.canonical.completion import Usage
from proxy.dialects.openai.beginning import KEEP_ALIVE
from proxy.dialects.openai.failures import error_object
from proxy.dialects.openai.reading.usage import read_usage
from proxy.errors import ProxyError, UpstreamRefused
from proxy.wire.refusals import refusal_in_answer
from proxy.wire.whole_lines import BLANK_LINES, WholeLines, apart, cut

# The end of a stream (finish, usage, [DONE]) is looked for in so many last bytes. Some servers repeat the whole message in the last record.
_TAIL_BYTES = 16 * 1024
# Looked for first: the pattern that knows all ways to write the end takes 150 us for a tail, a tenth of a relayed stream.
_USUAL_ENDS = (b"\ndata: [DONE]", b"\rdata: [DONE]", b"\ndata:[DONE]")

_PROMPT = re.compile(rb'"prompt_tokens"\s*:\s*(\d{1,15})\b')
_COMPLETION = re.compile(rb'"completion_tokens"\s*:\s*(\d{1,15})\b')
_TOTAL = re.compile(rb'"total_tokens"\s*:\s*(\d{1,15})\b')
_USAGE = re.compile(rb'"usage"\s*:\s*(?=\{)')
# With the details of both numbers, and nothing below these.
_COUNTS = re.compile(rb"\{(?:[^{}]++|\{[^{}]*+\})*+\}")
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"([^"]+)"')
_GOES_ON = re.compile(rb'"finish_reason"\s*:\s*null')
_DONE = re.compile(rb"[\r\n]data:\s*\[DONE\]")
_ERROR = re.compile(rb"[\r\n](data:|error:|)[ \t]*(\{[^\r\n]*)")


class RelayTail(WholeLines):
    """Hands on whole lines of a relayed stream, and keeps the last of them for its end. See `proxy.dialect.RelayReader`."""

    __slots__ = ("_early_errors", "_early_usage", "_pieces", "_size", "failure")

    def __init__(self) -> None:
        super().__init__()
        self._pieces = deque([b"\n"])  # A record begins after a line end; so does the first.
        self._size = 1
        self._early_usage = Usage()
        self._early_errors: _Errors = (None, None)
        self.failure: ProxyError | None = None

    @property
    def usage(self) -> Usage:
        found = _usage_in(self._tail())
        return self._early_usage if found == Usage() else found

    @property
    def finish_reason(self) -> str:
        found = _last(_FINISH, b'"finish_reason"', self._tail())
        return found[1].decode("utf-8", "replace") if found else ""

    def feed(self, chunk: bytes) -> bytes:
        """See `RelayReader`."""
        if self._held or self._is_begun or not chunk.endswith(BLANK_LINES):
            chunk = self._whole_lines(chunk)
        if chunk:
            self._pieces.append(chunk)
            self._size += len(chunk)
            if self._size > 2 * _TAIL_BYTES:
                self._shorten()
        return chunk

    def sign_of_life(self) -> bytes:
        """See `RelayReader`."""
        return KEEP_ALIVE if self._tail().endswith(BLANK_LINES) else b""

    def close(self) -> bytes:
        """See `RelayReader`. A stream without `[DONE]` that has not even said why it stopped was cut: a clean end would be a lie."""
        rest = self._last_line()
        if rest:
            self._pieces.append(rest)
            self._size += len(rest)
        tail = self._tail()
        told, untold = self._errors_up_to(tail)
        if told is not None:
            self.failure = told
        elif not _came_to_its_end(tail):
            raise untold or cut()
        # To `[DONE]` clients listen in no case.
        return rest if tail[-64:].rstrip().endswith(b"[DONE]") else rest + apart(tail)

    def render_failure(self, error: ProxyError) -> bytes:
        """The error as OpenAI tells it in a stream, set apart from an event that has no blank line after it yet."""
        return apart(self._tail()) + b"data: " + orjson.dumps({"error": error_object(error)}) + b"\n\ndata: [DONE]\n\n"

    def _shorten(self) -> None:
        """Forgets the pieces that are not needed for the tail, but for the byte before it: a line begins only after a line end."""
        pieces, before = self._pieces, b""
        while self._size - len(pieces[0]) >= _TAIL_BYTES:
            dropped = pieces.popleft()
            self._size -= len(dropped)
            self._forget(dropped)
            before = dropped[-1:]
        if before:
            pieces.appendleft(before)
            self._size += 1

    def _forget(self, lines: bytes) -> None:
        """Notes what `lines`, which are too far from the end to be kept, say of cost and failure."""
        # From the end, as in `_refusals`.
        if lines.rfind(b'"prompt_tokens"') >= 0 and (usage := _usage_in(lines)) != Usage():
            self._early_usage = usage
        if lines.rfind(b'"error"') >= 0 or lines.rfind(b"error:") >= 0:
            self._early_errors = _later(self._early_errors, _errors(b"\n" + lines))

    def _errors_up_to(self, tail: bytes) -> _Errors:
        """The last errors of the stream that ends with `tail`."""
        return _later(self._early_errors, _errors(tail))

    def _tail(self) -> bytes:
        """The last bytes that were handed on: so many as are looked through, and those of the line in which they begin."""
        tail = b"".join(self._pieces)
        begin = len(tail) - _TAIL_BYTES + 1
        if begin > 0:
            line_end = tail.rfind(b"\n", 0, begin)
            begin = max(line_end if line_end >= 0 else tail.rfind(b"\r", 0, begin), 0)
            self._forget(tail[:begin])
            tail = tail[begin:]
        self._pieces, self._size = deque([tail]), len(tail)
        return tail


def _came_to_its_end(tail: bytes) -> bool:
    """Whether the stream said that it is over, or why its last choice stopped. One of several choices may stop before the others."""
    if tail[-64:].rstrip().endswith(_USUAL_ENDS) or _DONE.search(tail):
        return True
    finish = _last(_FINISH, b'"finish_reason"', tail)
    return finish is not None and _GOES_ON.search(tail, finish.end()) is None


_Errors = tuple[UpstreamRefused | None, UpstreamRefused | None]


def _later(early: _Errors, late: _Errors) -> _Errors:
    """The last errors of each kind."""
    return late[0] or early[0], late[1] or early[1]


def _errors(tail: bytes) -> _Errors:
    """The last error that the upstream told the client, and the last one that it told in a way that readers of events skip."""
    told = untold = None
    for field, refusal in _refusals(tail):
        if field == b"data:":
            told = refusal
        else:
            untold = refusal
    return told, untold


def _refusals(tail: bytes) -> Iterator[tuple[bytes, UpstreamRefused]]:
    """The errors in the records of `tail`, with the field that each stands in."""
    # Looking from the end takes a third of the time that looking from the beginning takes.
    if tail.rfind(b'"error"') < 0 and tail.rfind(b"error:") < 0:
        return
    for field, text in _ERROR.findall(tail):
        record = _decoded(text)
        if field == b"error:":
            record = {"error": record}
        if isinstance(record, dict) and record.get("error") and not _is_of_a_tool(record):
            yield field, refusal_in_answer(record)


def _is_of_a_tool(record: dict[str, Any]) -> bool:
    """Whether the error is a tool's, which a response goes on after (`response.mcp_call.failed`)."""
    kind = record.get("type")
    return isinstance(kind, str) and kind.startswith("response.")


def _decoded(text: bytes) -> object:
    try:
        decoded: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return decoded


def usage_of(body: bytes) -> Usage:
    """The last token counts in `body`, without decoding what may be megabytes of vectors: at its end, else where it names `usage`."""
    found = _usage_in(body[-_TAIL_BYTES:])
    if found == Usage() and len(body) > _TAIL_BYTES:
        place = body.rfind(b'"usage"')
        found = _usage_in(body[place : place + _TAIL_BYTES]) if place >= 0 else found
    return found


def _usage_in(text: bytes) -> Usage:
    prompt, completion = count_of(_PROMPT, b'"prompt_tokens"', text), count_of(_COMPLETION, b'"completion_tokens"', text)
    if prompt is None or completion is None or count_of(_TOTAL, b'"total_tokens"', text) == prompt + completion:
        return Usage(prompt, completion)
    named = _last(_USAGE, b'"usage"', text)
    found = _COUNTS.match(text, named.end()) if named else None
    read = read_usage(_decoded(found[0])) if found else None
    return Usage(prompt, read.completion_tokens if read and read.prompt_tokens == prompt else completion)


def count_of(pattern: re.Pattern[bytes], name: bytes, text: bytes) -> int | None:
    """The last number in `text` that stands behind `name`, with which `pattern` begins."""
    found = _last(pattern, name, text)
    return int(found[1]) if found else None


def _last(pattern: re.Pattern[bytes], name: bytes, text: bytes) -> re.Match[bytes] | None:
    """The last match of a pattern that begins with `name`, looked for from the end: what is wanted of a stream stands there."""
    place = text.rfind(name)
    while place >= 0:
        found = pattern.match(text, place)
        if found is not None:
            return found
        place = text.rfind(name, 0, place)
    return None
