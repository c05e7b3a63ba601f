"""Answers of Anthropic upstreams for tests: records, streams of them, and what our reader makes of their bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import orjson

from proxy.canonical.events import ChatEvent, Failed
from proxy.canonical.grammar import check
from proxy.dialects.anthropic.egress import read_completion, stream_reader
from proxy.errors import ProxyError
from tests.dialects.anthropic.asking import to

USAGE = {"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 5, "output_tokens": 1}
STOP = {"type": "message_stop"}
PING = {"type": "ping"}


def ids() -> Callable[[], str]:
    """An id maker that counts."""
    numbers = count(1)
    return lambda: f"new{next(numbers)}"


def message_start(**message: Any) -> dict[str, Any]:
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [], "stop_reason": None, "usage": USAGE}
    return {"type": "message_start", "message": {**whole, **message}}


def start(index: int, kind: str, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **block}}


def delta(index: int, kind: str, text: str) -> dict[str, Any]:
    name = {"text": "text", "thinking": "thinking", "signature": "signature", "input_json": "partial_json"}[kind]
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", name: text}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def message_delta(reason: str | None = "end_turn", matched: str | None = None, output: int = 7, **more: Any) -> dict[str, Any]:
    usage = {"output_tokens": output}
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": matched, **more}, "usage": usage}


def text(index: int, *texts: str) -> list[dict[str, Any]]:
    return [start(index, "text", text=""), *(delta(index, "text", word) for word in texts), stop(index)]


def thinking(index: int, signature: str, *texts: str) -> list[dict[str, Any]]:
    begin = start(index, "thinking", thinking="", signature="")
    return [begin, *(delta(index, "thinking", word) for word in texts), delta(index, "signature", signature), stop(index)]


def tool_use(index: int, call_id: str, name: str, *fragments: str, given: Any = None) -> list[dict[str, Any]]:
    begin = start(index, "tool_use", id=call_id, name=name, input={} if given is None else given)
    return [begin, *(delta(index, "input_json", fragment) for fragment in fragments), stop(index)]


def sse(*records: object) -> bytes:
    """A stream of these records; bytes stay as they are."""
    return b"".join(item if isinstance(item, bytes) else _event(item) for item in records)


def _event(record: Any) -> bytes:
    kind = record.get("type", "") if isinstance(record, dict) else ""
    return b"event: %b\ndata: %b\n\n" % (str(kind).encode(), orjson.dumps(record))


def a_stream(*blocks: list[dict[str, Any]], reason: str | None = "end_turn", matched: str | None = None, **more: Any) -> bytes:
    """A stream with these blocks that ends as it should."""
    return sse(message_start(), *(record for block in blocks for record in block), message_delta(reason, matched, **more), STOP)


def read(*chunks: bytes) -> list[ChatEvent]:
    """The events of a stream, checked against the grammar."""
    reader = stream_reader(to("anthropic"), ids())
    events = [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()
    check(events)
    assert not reader.feed(b"data: {}\n\n")
    assert not reader.close()
    return events


def read_whole(body: Any) -> list[ChatEvent]:
    """The events of a whole answer, checked against the grammar."""
    events = read_completion(body if isinstance(body, bytes) else orjson.dumps(body), to("anthropic"), ids())
    check(events)
    return events


def a_message(*content: dict[str, Any], reason: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    """A whole answer."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content}
    return {**head, "stop_reason": reason, "stop_sequence": None, "usage": {**USAGE, "output_tokens": 7}, **more}


def failure(events: list[ChatEvent]) -> ProxyError:
    """The error that a stream ended with."""
    assert isinstance(events[-1], Failed), events
    return events[-1].error
