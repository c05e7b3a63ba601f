"""Gemini's answers for tests: records, streams of them, and what our reader makes of their bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from proxy.canonical.events import ChatEvent, Failed, Finished, PartClosed, PartDelta, PartOpened
from proxy.canonical.grammar import check
from proxy.dialects.gemini.egress import read_completion, stream_reader
from proxy.errors import ProxyError
from tests.dialects.gemini.asking import to

RECORDINGS = Path(__file__).parents[2] / "data" / "gemini"


def ids() -> Callable[[], str]:
    """An id maker that counts."""
    numbers = count(1)
    return lambda: f"new{next(numbers)}"


def record(*parts: Any, finish: str | None = None, **extra: Any) -> dict[str, Any]:
    """A record; texts may stand for their parts, and `extra` are fields beside `candidates`."""
    candidate: dict[str, Any] = {"index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r1", **extra}


def thought(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "thought": True, **more}


def call(name: str | None = "f", args: object = None, call_id: str | None = None, **more: Any) -> dict[str, Any]:
    """A part with a call; what is `None` is absent."""
    members = {key: value for key, value in (("id", call_id), ("name", name), ("args", args)) if value is not None}
    return {"functionCall": members, **more}


def sse(*records: object) -> bytes:
    """A stream of these records, with Google's line ends: values become `data:` events, bytes stay as they are."""
    return b"".join(item if isinstance(item, bytes) else b"data: " + orjson.dumps(item) + b"\r\n\r\n" for item in records)


def read(*chunks: bytes) -> list[ChatEvent]:
    """The events of a stream, checked against the grammar."""
    reader = stream_reader(to(), ids())
    events = [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()
    assert reader.feed(b"data: {}\n\n") == reader.close() == [], "nothing comes after the end"
    check(events)
    return events


def read_whole(body: object) -> list[ChatEvent]:
    """The events of a whole answer, checked against the grammar."""
    events = read_completion(body if isinstance(body, bytes) else orjson.dumps(body), to(), ids())
    check(events)
    return events


def said(events: Iterable[ChatEvent]) -> list[tuple[str, ...]]:
    """The parts: kind and text, for tool calls id and name before it, and behind it a signature, if there is one."""
    parts: list[list[str]] = []
    for event in events:
        if isinstance(event, PartOpened):
            parts.append([*((event.id, event.name) if event.kind == "tool_call" else (event.kind,)), ""])
        elif isinstance(event, PartDelta):
            parts[-1][-1] += event.text
        elif isinstance(event, PartClosed) and event.opaque:
            assert event.origin == "gemini"
            parts[-1].append(event.opaque)
    return [tuple(part) for part in parts]


def finish_of(events: list[ChatEvent]) -> tuple[str, str]:
    assert isinstance(events[-1], Finished), events[-1]
    return events[-1].finish_reason, events[-1].raw_reason


def error_of(events: list[ChatEvent]) -> ProxyError:
    assert isinstance(events[-1], Failed), events[-1]
    return events[-1].error
