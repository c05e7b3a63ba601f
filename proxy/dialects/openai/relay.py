"""Relayed OpenAI answers: what they cost, and whether a stream came to its own end. The bytes themselves are nobody's business here."""

from __future__ import annotations

import re

import orjson

from proxy.canonical.completion import Usage
from proxy.errors import ProxyError, UpstreamBroken

# The end of a stream (finish, usage, [DONE]) is looked for in so many last bytes: usage objects with all their details have under 1 KiB.
_TAIL_BYTES = 4096

_PROMPT = re.compile(rb'"prompt_tokens"\s*:\s*(\d+)')
_COMPLETION = re.compile(rb'"completion_tokens"\s*:\s*(\d+)')
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"([^"]+)"')
_DONE = re.compile(rb"^data:\s*\[DONE\]", re.MULTILINE)


class RelayTail:
    """Keeps the last bytes of a relayed stream and reads them once, at its end. See `proxy.dialect.RelayReader`."""

    __slots__ = ("_tail", "finish_reason", "usage")

    def __init__(self) -> None:
        self._tail = b""
        self.usage = Usage()
        self.finish_reason = ""

    def feed(self, chunk: bytes) -> None:
        self._tail = chunk[-_TAIL_BYTES:] if len(chunk) >= _TAIL_BYTES else (self._tail + chunk)[-_TAIL_BYTES:]

    def close(self) -> None:
        """Reads the tail. A stream without `[DONE]` that has not even said why it stopped was cut: to let it end cleanly would be a lie."""
        self.usage = usage_of(self._tail)
        reasons = _FINISH.findall(self._tail)
        self.finish_reason = reasons[-1].decode("utf-8", "replace") if reasons else ""
        if not self.finish_reason and not _DONE.search(self._tail):
            raise UpstreamBroken("the upstream's answer ended before it was complete")

    def render_failure(self, error: ProxyError) -> bytes:
        """The error as OpenAI tells it in a stream, set apart from a record that may have been cut in its middle."""
        apart = b"" if not self._tail or self._tail.endswith((b"\n\n", b"\r\n\r\n")) else b"\n\n"
        return apart + b"data: " + orjson.dumps({"error": error_object(error)}) + b"\n\ndata: [DONE]\n\n"


def usage_of(body: bytes) -> Usage:
    """The last token counts in the last bytes of `body`, without decoding what may be megabytes of vectors."""
    tail = body[-_TAIL_BYTES:]
    return Usage(prompt_tokens=_last_count(_PROMPT, tail), completion_tokens=_last_count(_COMPLETION, tail))


def _last_count(pattern: re.Pattern[bytes], tail: bytes) -> int | None:
    found = pattern.findall(tail)
    return int(found[-1]) if found else None


_TYPES = {
    "unauthorized": "authentication_error",
    "forbidden": "permission_error",
    "model_not_found": "not_found_error",
    "rate_limited": "rate_limit_error",
}


def error_object(error: ProxyError) -> dict[str, object]:
    """OpenAI's error object. An upstream keeps its own `type` and `code`; an unknown model has the type that Ollama's /v1 gives it."""
    own = _upstream_error(error)
    return {
        "message": error.message,
        "type": own.get("type") or _TYPES.get(error.kind) or ("invalid_request_error" if 400 <= error.status < 500 else "server_error"),
        "param": own.get("param", error.param),
        "code": own.get("code", error.code),
    }


def _upstream_error(error: ProxyError) -> dict[str, object]:
    raw = getattr(error, "raw", None)
    own = raw.get("error") if isinstance(raw, dict) else None
    return own if isinstance(own, dict) else {}
