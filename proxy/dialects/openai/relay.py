"""Relayed OpenAI answers: what they cost, whether a stream came to its own end, and what is added when it did not."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

import orjson

from proxy.canonical.completion import Usage
from proxy.dialects.openai.reading.plain_words import plain
from proxy.dialects.openai.reading.refusals import refusal_in_answer
from proxy.errors import ProxyError, UpstreamBroken, UpstreamRefused

# The end of a stream (finish, usage, [DONE]) is looked for in so many last bytes. Some servers repeat the whole message in the last record.
_TAIL_BYTES = 16 * 1024
# A line that grows longer than this is handed on before it is complete.
_LINE_BYTES = 64 * 1024
_LINE_ENDS = (0x0A, 0x0D)
_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")

_PROMPT = re.compile(rb'"prompt_tokens"\s*:\s*(\d{1,15})\b')
_COMPLETION = re.compile(rb'"completion_tokens"\s*:\s*(\d{1,15})\b')
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"([^"]+)"')
_GOES_ON = re.compile(rb'"finish_reason"\s*:\s*null')
_DONE = re.compile(rb"[\r\n]data:\s*\[DONE\]")
_ERROR = re.compile(rb"[\r\n](data:|error:|)[ \t]*(\{[^\r\n]*)")


class RelayTail:
    """Hands on whole lines of a relayed stream, and keeps the last of them for its end. See `proxy.dialect.RelayReader`.

    A line that is not complete means nothing to the client yet. Were it handed on, and then the stream cut, a client would fail to decode
    the half record, and never read the error after it.
    """

    __slots__ = ("_held", "_pieces", "_size", "failure")

    def __init__(self) -> None:
        self._held = b""
        self._pieces = deque([b"\n"])  # A record begins after a line end; so does the first.
        self._size = 1
        self.failure: ProxyError | None = None

    @property
    def usage(self) -> Usage:
        return usage_of(self._tail())

    @property
    def finish_reason(self) -> str:
        reasons = _FINISH.findall(self._tail())
        return reasons[-1].decode("utf-8", "replace") if reasons else ""

    def feed(self, chunk: bytes) -> bytes:
        """See `RelayReader`."""
        if self._held or (chunk and chunk[-1] not in _LINE_ENDS):
            chunk = self._whole_lines(self._held + chunk)
        if chunk:
            self._keep(chunk)
        return chunk

    def close(self) -> bytes:
        """See `RelayReader`. A stream without `[DONE]` that has not even said why it stopped was cut: a clean end would be a lie."""
        rest = self._held
        if _is_whole(rest):
            self._keep(rest)
        told, untold = self._errors()
        if told is not None:
            self.failure = told
        elif not self._came_to_its_end():
            raise untold or UpstreamBroken("the upstream's answer ended before it was complete")
        return rest

    def render_failure(self, error: ProxyError) -> bytes:
        """The error as OpenAI tells it in a stream, set apart from an event that has no blank line after it yet."""
        tail = self._tail()
        apart = b"" if len(tail) <= 1 or tail.endswith(_BLANK_LINES) else b"\n\n"
        return apart + b"data: " + orjson.dumps({"error": error_object(error)}) + b"\n\ndata: [DONE]\n\n"

    def _whole_lines(self, lines: bytes) -> bytes:
        end = max(lines.rfind(b"\n"), lines.rfind(b"\r")) + 1
        if len(lines) - end > _LINE_BYTES:
            end = len(lines)
        self._held = lines[end:]
        return lines[:end]

    def _keep(self, lines: bytes) -> None:
        pieces = self._pieces
        pieces.append(lines)
        self._size += len(lines)
        while self._size - len(pieces[0]) >= _TAIL_BYTES:
            self._size -= len(pieces.popleft())

    def _tail(self) -> bytes:
        return b"".join(self._pieces)

    def _came_to_its_end(self) -> bool:
        """Whether the stream said that it is over, or why its last choice stopped. One of several choices may stop before the others."""
        tail = self._tail()
        if _DONE.search(tail):
            return True
        finishes = list(_FINISH.finditer(tail))
        return bool(finishes) and _GOES_ON.search(tail, finishes[-1].end()) is None

    def _errors(self) -> tuple[UpstreamRefused | None, UpstreamRefused | None]:
        """The last error that the upstream told the client, and the last one that it told in a way that readers of events skip."""
        told = untold = None
        for field, refusal in _refusals(self._tail()):
            if field == b"data:":
                told = refusal
            else:
                untold = refusal
        return told, untold


def _refusals(tail: bytes) -> Iterator[tuple[bytes, UpstreamRefused]]:
    """The errors in the records of `tail`, with the field that each stands in."""
    if b'"error"' not in tail and b"error:" not in tail:
        return
    for field, text in _ERROR.findall(tail):
        record = _decoded(text)
        if field == b"error:":
            record = {"error": record}
        if isinstance(record, dict) and record.get("error"):
            yield field, refusal_in_answer(record)


def _decoded(text: bytes) -> object:
    try:
        decoded: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return decoded


def _is_whole(line: bytes) -> bool:
    """Whether a line without an end may be the last one: servers leave out line ends, but never the end of a record."""
    text = line.removeprefix(b"data:").strip()
    return text == b"[DONE]" or _decoded(text) is not None


def usage_of(body: bytes) -> Usage:
    """The last token counts in `body`, without decoding what may be megabytes of vectors: at its end, else where it names `usage`."""
    found = _usage_in(body[-_TAIL_BYTES:])
    if found == Usage() and len(body) > _TAIL_BYTES:
        place = body.rfind(b'"usage"')
        found = _usage_in(body[place : place + _TAIL_BYTES]) if place >= 0 else found
    return found


def _usage_in(text: bytes) -> Usage:
    return Usage(prompt_tokens=_last_count(_PROMPT, text), completion_tokens=_last_count(_COMPLETION, text))


def _last_count(pattern: re.Pattern[bytes], text: bytes) -> int | None:
    found = pattern.findall(text)
    return int(found[-1]) if found else None


_TYPE_OF_STATUS = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    409: "conflict",
    429: "rate_limit_error",
}


def error_object(error: ProxyError) -> dict[str, object]:
    """OpenAI's error object. An upstream keeps its own `type`, `param`, `code`; an unknown model has the type that Ollama gives it."""
    own = _upstream_error(error)
    return {
        "message": error.message,
        "type": _word(own.get("type")) or _type_of(error),
        "param": _word(own.get("param")) or error.param,
        "code": _word(own.get("code")) or error.code,
    }


def _type_of(error: ProxyError) -> str:
    if error.kind == "model_not_found":
        return "not_found_error"
    if error.code == "insufficient_quota":
        return error.code
    return _TYPE_OF_STATUS.get(error.status) or ("invalid_request_error" if 400 <= error.status < 500 else "server_error")


def _upstream_error(error: ProxyError) -> dict[str, object]:
    raw = getattr(error, "raw", None)
    own = raw.get("error") if isinstance(raw, dict) else None
    return own if isinstance(own, dict) else {}


def _word(value: object) -> str | int | None:
    """A member of an upstream's error as clients may read it: a word without secrets, or a number."""
    if isinstance(value, str):
        return plain(value, 200)
    return value if type(value) is int else None
