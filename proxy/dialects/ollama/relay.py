"""Relayed answers of Ollama servers: what they cost, whether a stream came to its own end, and what is added when it did not. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from proxy.canonical.completion import Usage
from proxy.dialects.ollama.failures import error_line
from proxy.dialects.ollama.reading.lines import Lines
from proxy.dialects.ollama.reading.records import answer_record, is_last, record_of
from proxy.dialects.ollama.reading.refusals import refusal_in_answer
from proxy.errors import ProxyError, UpstreamBroken
from proxy.wire.json_text import with_whole_characters

_VALUE: Final = re.compile(rb"\s*:\s*(\d{1,15})\b")
# What a record says that says nothing, under its own word for what a model says.
_WORDLESS: Final = {"message": {"role": "assistant", "content": ""}, "response": ""}


def _wordless(word: str, model: str, created_at: str) -> bytes:
    return orjson.dumps({"model": model, "created_at": created_at, word: _WORDLESS[word], "done": False}) + b"\n"


# Signs of life of no model and of no time: what the answer will say of itself is not known before it begins.
_UNKNOWN: Final = ("", "1970-01-01T00:00:00Z")
CHAT_KEEP_ALIVE: Final = _wordless("message", *_UNKNOWN)
GENERATE_KEEP_ALIVE: Final = _wordless("response", *_UNKNOWN)


class LineRelay:
    """Hands on whole lines of a relayed stream, and keeps the last of them for its end. See `proxy.dialect.RelayReader`.

    Of all lines only the last one means anything here: it is an answer's own end, or the error that took its place.
    """

    __slots__ = ("_last", "_lines", "failure", "finish_reason")

    def __init__(self) -> None:
        self._lines = Lines()
        self._last = b""
        self.failure: ProxyError | None = None
        self.finish_reason = ""

    @property
    def usage(self) -> Usage:
        return usage_of(self._last)

    def feed(self, chunk: bytes) -> bytes:
        """See `RelayReader`."""
        lines = self._lines.feed(chunk) if chunk else b""
        self._keep(lines)
        return lines

    def sign_of_life(self) -> bytes:
        """See `RelayReader`. A line without a word, of the same model and time as the last one."""
        record = record_of(with_whole_characters(self._last)) or {}
        word = next(filter(record.__contains__, _WORDLESS), None)
        if word is None or record.get("error") or self.is_end(record):
            return b""
        told = zip((record.get("model"), record.get("created_at")), _UNKNOWN, strict=True)
        return _wordless(word, *(value if isinstance(value, str) else unknown for value, unknown in told))

    def close(self) -> bytes:
        """See `RelayReader`. A last line without its end is handed on only if it is whole."""
        rest = self._lines.close()
        if rest.strip() and record_of(rest) is None:
            raise UpstreamBroken("the upstream's answer ended before it was complete")
        self._keep(rest)
        record = record_of(self._last) or {}
        reason = record.get("done_reason")
        self.finish_reason = reason if isinstance(reason, str) else ""
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


class ProgressRelay(LineRelay):
    """The same for the lines that tell how far the work on a model has come. Their end is success, or an error; it waits for `close`,
    because other servers may have the same work to do before it is true.
    """

    __slots__ = ("_end",)

    def __init__(self) -> None:
        super().__init__()
        self._end = b""

    def feed(self, chunk: bytes) -> bytes:
        """See `RelayReader`."""
        lines = super().feed(chunk)
        if not lines:
            return b""
        lines, self._end = self._end + lines, b""
        record = (record_of(self._last) or {}) if b'"success"' in self._last or b'"error"' in self._last else {}
        if record.get("error") or self.is_end(record):
            begin = lines.rstrip().rfind(b"\n") + 1
            lines, self._end = lines[:begin], lines[begin:]
        return lines

    def close(self) -> bytes:
        """See `RelayReader`."""
        return self._end + super().close()

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
    """The token counts of a whole answer, or of a stream's last line, without decoding what may be megabytes of vectors."""
    return Usage(_count(body, b'"prompt_eval_count"'), _count(body, b'"eval_count"'))


def _count(body: bytes, name: bytes) -> int | None:
    """The number under `name`; inside a text, the quotes of the name would be spelled in another way."""
    place = body.rfind(name)
    found = _VALUE.match(body, place + len(name)) if place >= 0 else None
    return int(found[1]) if found else None
