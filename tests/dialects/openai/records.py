"""Upstream answers for tests: records, streams of them, and what our reader makes of their bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, PartDelta, PartOpened, UsageSeen
from proxy.canonical.grammar import check
from proxy.dialects.openai.reading import read_completion, stream_reader
from proxy.errors import ProxyError
from proxy.profiles import Profile
from proxy.routing import Route

RECORDINGS = Path(__file__).parents[2] / "data" / "openai"
DONE = b"data: [DONE]\n\n"


def a_route(**profile: Any) -> Route:
    return Route("upstream", "asked", "sent", Profile("test", **profile))


def ids() -> Callable[[], str]:
    """An id maker that counts."""
    numbers = count(1)
    return lambda: f"new{next(numbers)}"


def record(delta: object = None, finish: str | None = None, **extra: Any) -> dict[str, Any]:
    """A chunk of a stream; `extra` are fields beside `choices`."""
    return {"id": "r1", "created": 7, "model": "m", "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}], **extra}


def text(content: str) -> dict[str, Any]:
    return record({"content": content})


def call(index: int | None = None, call_id: str | None = None, name: str | None = None, arguments: object = None) -> dict[str, Any]:
    """A chunk with a fragment of a tool call; what is `None` is absent."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    entry = {key: value for key, value in (("index", index), ("id", call_id)) if value is not None}
    return record({"tool_calls": [{**entry, "type": "function", "function": function}]})


def sse(*records: object) -> bytes:
    """A stream of these records: values become `data:` events, bytes stay as they are."""
    return b"".join(item if isinstance(item, bytes) else b"data: " + orjson.dumps(item) + b"\n\n" for item in records)


def a_stream(*records: object, finish: str | None = "stop") -> bytes:
    """A stream of these records that ends as it should."""
    return sse(*records, record({}, finish), DONE)


def read(*chunks: bytes, route: Route | None = None) -> list[ChatEvent]:
    """The events of a stream, checked against the grammar."""
    reader = stream_reader(route or a_route(), ids())
    events = [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()
    assert reader.feed(b"data: {}\n\n") == reader.close() == [], "nothing comes after the end"
    check(events)
    return events


def read_whole(body: object, route: Route | None = None) -> list[ChatEvent]:
    """The events of a whole answer, checked against the grammar."""
    events = read_completion(body if isinstance(body, bytes) else orjson.dumps(body), route or a_route(), ids())
    check(events)
    return events


def said(events: Iterable[ChatEvent]) -> list[tuple[str, ...]]:
    """The parts: kind and text, and for tool calls also id and name before it."""
    parts: list[tuple[str, ...]] = []
    for event in events:
        if isinstance(event, PartOpened):
            head = (event.id, event.name) if event.kind == "tool_call" else (event.kind,)
            parts.append((*head, ""))
        elif isinstance(event, PartDelta):
            parts[-1] = (*parts[-1][:-1], parts[-1][-1] + event.text)
    return parts


def finish_of(events: list[ChatEvent]) -> Finished:
    assert isinstance(events[-1], Finished), events[-1]
    return events[-1]


def error_of(events: list[ChatEvent]) -> ProxyError:
    assert isinstance(events[-1], Failed), events[-1]
    return events[-1].error


def usages_of(events: list[ChatEvent]) -> list[Usage]:
    return [event.usage for event in events if isinstance(event, UsageSeen)]
