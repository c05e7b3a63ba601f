"""What the tests of Anthropic's answers share: a clock that stands, builders of events, and a reader of streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from proxy.canonical.completion import FinishReason, Usage
from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartKind, PartOpened, Started, UsageSeen
from proxy.canonical.request import ChatRequest, Message, Sampling, TextPart
from proxy.dialects.anthropic.rendering import MessageStreamRenderer
from proxy.wire.sse import SseReader


class StandingStopwatch:
    """It is always noon."""

    def time_ns(self) -> int:
        return 1_767_323_045_678_901_234

    def elapsed_ns(self) -> int:
        return 1


STOPWATCH = StandingStopwatch()


def a_chat_request(**changes: Any) -> ChatRequest:
    usual = {"model": "claude", "messages": (Message("user", (TextPart("hi"),)),), "stream": True, "sampling": Sampling(max_tokens=99)}
    return ChatRequest(**{**usual, **changes})


def a_renderer(**changes: Any) -> MessageStreamRenderer:
    return MessageStreamRenderer(a_chat_request(**changes), STOPWATCH)


def a_part(kind: PartKind, *fragments: str, closed: PartClosed | None = None, call_id: str = "", name: str = "") -> list[ChatEvent]:
    return [PartOpened(kind, call_id, name), *map(PartDelta, fragments), closed or PartClosed()]


def a_call(call_id: str, name: str, *fragments: str) -> list[ChatEvent]:
    return a_part("tool_call", *fragments, call_id=call_id, name=name)


def a_stream(
    *parts: Sequence[ChatEvent], finish: FinishReason = "stop", raw: str = "", stop: str = "", usage: Usage | None = None
) -> list[ChatEvent]:
    seen = [] if usage is None else [UsageSeen(usage)]
    return [Started("chatcmpl-1"), *(event for part in parts for event in part), *seen, Finished(finish, raw, stop)]


def rendered(events: Iterable[ChatEvent], **changes: Any) -> bytes:
    """The bytes of a stream whose events come one at a time."""
    renderer = a_renderer(**changes)
    return b"".join(renderer.render([event]) for event in events)


def records(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream. Each names its type twice."""
    reader = SseReader()
    found = []
    for event in (*reader.feed(stream), *reader.close()):
        record = orjson.loads(event.data)
        assert record["type"] == event.name
        found.append(record)
    return found


def types(stream: bytes) -> list[str]:
    """The types of the events, with those of blocks and deltas."""
    return [
        " ".join(filter(None, (record["type"], (record.get("content_block") or record.get("delta") or {}).get("type"))))
        for record in records(stream)
    ]
