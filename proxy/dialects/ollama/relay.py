"""Relayed answers of Ollama servers: what they cost, whether a stream came to its own end, and what is added when it did not. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from proxy.canonical.completion import Usage
from proxy.dialects.ollama.failures import error_line
from proxy.dialects.ollama.reading.lines import Lines
from proxy.dialects.ollama.reading.records import answer_record, is_last, record_of
from proxy.errors import ProxyError, UpstreamBroken
from proxy.wire.refusals import refusal_in_answer

# What a whole answer says of its cost stands at its end, behind a `context` of many numbers and vectors of more.
_TAIL_BYTES: Final = 4 * 1024
_PROMPT: Final = re.compile(rb'"prompt_eval_count"\s*:\s*(\d{1,15})\b')
_COMPLETION: Final = re.compile(rb'"eval_count"\s*:\s*(\d{1,15})\b')


class LineRelay:
    """Hands on whole lines of a relayed stream, and keeps the last of them for its end. See `proxy.dialect.RelayReader`.

    Of all lines only the last one means anything here: it is an answer's own end, or the error that took its place.
    """

    __slots__ = ("_last", "_lines", "failure")

    def __init__(self) -> None:
        self._lines = Lines()
        self._last = b""
        self.failure: ProxyError | None = None

    @property
    def usage(self) -> Usage:
        return usage_of(self._last)

    @property
    def finish_reason(self) -> str:
        reason = self._record().get("done_reason")
        return reason if isinstance(reason, str) else ""

    def feed(self, chunk: bytes) -> bytes:
        """See `RelayReader`."""
        lines = self._lines.feed(chunk) if chunk else b""
        self._keep(lines)
        return lines

    def close(self) -> bytes:
        """See `RelayReader`. A last line without its end is handed on only if it is whole."""
        rest = self._lines.close()
        if rest.strip() and record_of(rest) is None:
            raise UpstreamBroken("the upstream's answer ended before it was complete")
        self._keep(rest)
        record = self._record()
        if record.get("error"):
            self.failure = refusal_in_answer(record)
        elif not self.is_end(record):
            raise UpstreamBroken("the upstream's answer ended before it was complete")
        return rest

    def render_failure(self, error: ProxyError) -> bytes:
        """The error line with which Ollama itself ends a stream that failed."""
        return error_line(error)

    def is_end(self, record: dict[str, Any]) -> bool:
        """Whether nothing follows `record`."""
        return is_last(record)

    def _keep(self, lines: bytes) -> None:
        """Keeps the last line that is not blank."""
        lines = lines.rstrip()
        if lines:
            self._last = lines[lines.rfind(b"\n") + 1 :]

    def _record(self) -> dict[str, Any]:
        return record_of(self._last) or {}


class ProgressRelay(LineRelay):
    """The same for the lines that tell how far the work on a model has come: success is their end."""

    __slots__ = ()

    def is_end(self, record: dict[str, Any]) -> bool:
        """Whether the work is done."""
        return record.get("status") == "success"


def begins(head: bytes) -> bool:
    """See `RelayEndpoint`."""
    line = next((line for line in head.split(b"\n") if line.strip()), None)
    if line is not None:
        answer_record(line)
    return line is not None


def usage_of(body: bytes) -> Usage:
    """The token counts of a whole answer, or of a stream's last line."""
    tail = body[-_TAIL_BYTES:]
    return Usage(_count(_PROMPT.findall(tail)), _count(_COMPLETION.findall(tail)))


def _count(found: list[bytes]) -> int | None:
    return int(found[-1]) if found else None


# Signs of life, without a word and of no time: what the answer will say of itself is not known yet.
_NO_WORDS: Final = {"model": "", "created_at": "1970-01-01T00:00:00Z"}
CHAT_KEEP_ALIVE: Final = orjson.dumps({**_NO_WORDS, "message": {"role": "assistant", "content": ""}, "done": False}) + b"\n"
GENERATE_KEEP_ALIVE: Final = orjson.dumps({**_NO_WORDS, "response": "", "done": False}) + b"\n"
