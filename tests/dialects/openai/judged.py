"""Answers for OpenAI's clients: events, what we write of them, and what the `openai` package reads of that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import openai
import orjson

from proxy.canonical.completion import FinishReason, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, PartClosed, PartDelta, PartKind, PartOpened, Started, UsageSeen
from proxy.canonical.fold import collect
from proxy.dialect import TextEndpoint
from proxy.errors import UpstreamBroken
from proxy.wire.sse import SseReader
from tests.fake_upstream import Answer, FakeUpstream

# 2026-01-02T03:04:05Z
NOON_S = 1_767_323_045


class NoonStopwatch:
    """It is always noon."""

    def time_ns(self) -> int:
        return NOON_S * 1_000_000_000

    def elapsed_ns(self) -> int:
        return 1


def a_part(kind: PartKind, *fragments: str, closed: PartClosed | None = None, **opened: str) -> list[ChatEvent]:
    return [PartOpened(kind, **opened), *map(PartDelta, fragments), closed or PartClosed()]


def a_call(call_id: str, name: str, *fragments: str, closed: PartClosed | None = None) -> list[ChatEvent]:
    return a_part("tool_call", *fragments, closed=closed, id=call_id, name=name)


def a_stream(
    *parts: Sequence[ChatEvent], finish: FinishReason = "stop", usage: Usage | None = None, stop_sequence: str = "", start: str = "up1"
) -> list[ChatEvent]:
    usage_seen = [] if usage is None else [UsageSeen(usage)]
    events = [event for part in parts for event in part]
    return [Started(start), *events, *usage_seen, Finished(finish, "", stop_sequence)]


def a_broken_stream(*parts: Sequence[ChatEvent]) -> list[ChatEvent]:
    return [Started("up1"), *(event for part in parts for event in part), Failed(UpstreamBroken("it broke"))]


def streamed(endpoint: TextEndpoint, events: Iterable[ChatEvent], payload: dict[str, Any]) -> bytes:
    """The bytes of a stream whose events come one at a time."""
    renderer = endpoint.stream_renderer(endpoint.parse({**payload, "stream": True}), NoonStopwatch())
    return b"".join(renderer.render([event]) for event in events)


def whole(endpoint: TextEndpoint, events: Iterable[ChatEvent], payload: dict[str, Any]) -> bytes:
    return endpoint.render_completion(collect(events), endpoint.parse(payload), NoonStopwatch())


def records(data: bytes) -> list[Any]:
    """The records of a stream, `[DONE]` as text; every event is complete."""
    reader = SseReader()
    events = reader.feed(data)
    assert reader.close() == []
    return ["[DONE]" if event.data == b"[DONE]" else orjson.loads(event.data) for event in events]


class Judge:
    """The `openai` package, and a server that sends it what we wrote."""

    def __init__(self, desk: FakeUpstream, client: openai.OpenAI) -> None:
        self._desk = desk
        self.client = client

    def told(self, path: str, body: bytes) -> openai.OpenAI:
        """The client, which will be answered with the stream `body`."""
        return self._set(path, body, "text/event-stream; charset=utf-8")

    def told_whole(self, path: str, body: bytes) -> openai.OpenAI:
        """The client, which will be answered with the object `body`."""
        return self._set(path, body, "application/json")

    def _set(self, path: str, body: bytes, content_type: str) -> openai.OpenAI:
        self._desk.on(path, Answer(200, {"Content-Type": content_type}, [body]))
        return self.client
