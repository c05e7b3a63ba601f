"""What a replica says when it is well, as bytes: OpenAI's dialect. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from chaos.orders import MODEL, PROMPT_TOKENS, Order

_REASONS = {
    200: "OK",
    401: "Unauthorized",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
JSON = "application/json"
SSE = "text/event-stream"
DONE = b"data: [DONE]\n\n"
LAST_CHUNK = b"0\r\n\r\n"


def whole(status: int, body: bytes, content_type: str = JSON, more: Mapping[str, str] | None = None) -> bytes:
    """An answer with its length."""
    return head(status, {"Content-Type": content_type, "Content-Length": str(len(body)), **(more or {})}) + body


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A status line and headers."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def stream_head() -> bytes:
    """What comes before the chunks of a stream."""
    return head(200, {"Content-Type": SSE, "Transfer-Encoding": "chunked"})


def chunked(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def models(replica: str) -> bytes:
    """The list of models."""
    return orjson.dumps({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1_760_000_000, "owned_by": replica}]})


def error(status: int) -> bytes:
    """An error, as the body of an answer or as an event."""
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "server_error")
    message = f"this replica was told to answer {status}"
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": None}})


def completion(order: Order, replica: str) -> bytes:
    """A whole answer."""
    message = {"role": "assistant", "content": order.text(replica)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return orjson.dumps({**_frame(order, "chat.completion"), "choices": [choice], "usage": _usage(order)})


def records(order: Order, replica: str, with_usage: bool) -> tuple[list[bytes], bytes]:
    """The records of a stream, one for each token, and what ends it."""
    deltas: list[Mapping[str, Any]] = [{"content": piece} for piece in order.pieces(replica)]
    deltas[0] = {"role": "assistant", **deltas[0]}
    last = _record(order, [{"index": 0, "delta": {}, "finish_reason": "stop"}])
    usage = _record(order, [], usage=_usage(order)) if with_usage else b""
    return [_record(order, [{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas], last + usage + DONE


def event(data: bytes) -> bytes:
    """A record of SSE."""
    return b"data: " + data + b"\n\n"


def _record(order: Order, choices: Sequence[Mapping[str, Any]], **more: Any) -> bytes:
    return event(orjson.dumps({**_frame(order, "chat.completion.chunk"), "choices": choices, **more}))


def _frame(order: Order, kind: str) -> Mapping[str, Any]:
    return {"id": f"chatcmpl-{order.marker}", "object": kind, "created": 1_760_000_000, "model": MODEL}


def _usage(order: Order) -> Mapping[str, int]:
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": order.tokens, "total_tokens": PROMPT_TOKENS + order.tokens}
