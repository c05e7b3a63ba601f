"""Relayed answers of `/v1/responses`: what they cost, whether a stream came to its own end, and what is added when it did not. Pure."""

from __future__ import annotations

import re
from typing import Any

import orjson

from proxy.canonical.completion import Usage
from proxy.dialects.openai.relay import RelayTail, count_of
from proxy.dialects.openai.responses.records import error_event
from proxy.errors import ProxyError
from proxy.wire.refusals import refusal_in_answer
from proxy.wire.whole_lines import apart, cut, name_at_the_end

_USAGE_BYTES = 16 * 1024
# The name of an event, or the type of its data, which nearly every server writes first. At the beginning of a line it is no model's text.
_END = re.compile(
    rb"^(?:event:[ \t]*|data:[ \t]*\{\s*\"type\"\s*:\s*\")(response\.(?:completed|incomplete|failed|cancelled)|error)\b", re.MULTILINE
)
_END_ANYWHERE = re.compile(rb'"type"\s*:\s*"(response\.(?:completed|incomplete|failed|cancelled))"')
_DATA = re.compile(rb"^data:[ \t]*(\{[^\r\n]*)", re.MULTILINE)
_INPUT = re.compile(rb'"input_tokens"\s*:\s*(\d{1,15})\b')
_OUTPUT = re.compile(rb'"output_tokens"\s*:\s*(\d{1,15})\b')
_SEQUENCE = re.compile(rb'"sequence_number"\s*:\s*(\d{1,15})\b')
_FAILED = ("response.failed", "error")


class ResponseTail(RelayTail):
    """Hands on whole lines, and looks for the event that ends a response. See `proxy.dialect.RelayReader`."""

    __slots__ = ("_at_line_start", "_end")

    def __init__(self) -> None:
        super().__init__()
        self._at_line_start = True
        self._end = ""

    @property
    def usage(self) -> Usage:
        return _usage_in(self._tail())

    @property
    def finish_reason(self) -> str:
        return self._end.removeprefix("response.")

    def feed(self, chunk: bytes) -> bytes:
        """See `RelayReader`."""
        lines = super().feed(chunk)
        if lines:
            self._look_for_the_end(lines)
        return lines

    def close(self) -> bytes:
        """See `RelayReader`. The name of the event that ends a response is no end without its data; an error as chats have it is one."""
        rest = self._last_line()
        self._look_for_the_end(rest)
        tail = self._tail() + rest
        if not self._end and (found := _END_ANYWHERE.search(tail)):
            self._end = found[1].decode()
        if not self._end or name_at_the_end(tail):
            self.failure, untold = self._errors_up_to(tail)
            if self.failure is None:
                raise untold or cut()
        elif self._end in _FAILED:
            self.failure = refusal_in_answer({"error": _told_in(tail)})
        return rest + apart(tail)

    def render_failure(self, error: ProxyError) -> bytes:
        """The event that OpenAI ends a stream with that failed, set apart from one that has no blank line after it yet, and numbered on."""
        tail = self._tail()
        last = count_of(_SEQUENCE, b'"sequence_number"', tail)
        event = error_event(error, 0 if last is None else last + 1)
        return apart(tail) + b"event: error\ndata: " + orjson.dumps(event) + b"\n\n"

    def _look_for_the_end(self, lines: bytes) -> None:
        for found in _END.finditer(lines):
            if found.start() or self._at_line_start:
                self._end = found[1].decode()
        self._at_line_start = lines.endswith((b"\n", b"\r")) if lines else self._at_line_start


def usage_of(body: bytes) -> Usage:
    """The last token counts in `body`. They stand near the end of it, behind the output."""
    found = _usage_in(body[-_USAGE_BYTES:])
    return _usage_in(body) if found == Usage() else found


def _usage_in(text: bytes) -> Usage:
    return Usage(count_of(_INPUT, b'"input_tokens"', text), count_of(_OUTPUT, b'"output_tokens"', text))


def _told_in(tail: bytes) -> Any:
    """The error in the last record of `tail` that has one: of a response that failed, or the record itself."""
    for text in reversed(_DATA.findall(tail)):
        try:
            record = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        response = record.get("response")
        error = (response.get("error") if isinstance(response, dict) else None) or record.get("error")
        if error or record.get("type") == "error":
            return error or {"message": record.get("message"), "code": record.get("code"), "param": record.get("param")}
    return {"message": "the upstream failed without saying why"}
