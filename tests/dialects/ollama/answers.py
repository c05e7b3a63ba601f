"""What the tests of Ollama's answers share: a clock that ticks, builders, and readers of lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from proxy.canonical.completion import Completion, FinishReason, Usage
from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartKind, PartOpened, Started, UsageSeen
from proxy.canonical.request import ChatRequest, Message, Sampling, TextPart
from proxy.dialect import StreamRenderer
from proxy.dialects.ollama.rendering import ChatStreamRenderer, GenerateStreamRenderer

# 2026-01-02T03:04:05.678901234Z
NOON_NS = 1_767_323_045_678_901_234

OPENAI_LOGPROBS = [
    {
        "token": "Hi",
        "logprob": -0.1,
        "bytes": [72, 105],
        "top_logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}, {"token": "\ufffd", "logprob": None, "bytes": None}],
    },
    {"token": "", "logprob": -2, "bytes": [], "top_logprobs": []},
]


class TickingStopwatch:
    """Each look at it finds `step_ns` more elapsed."""

    def __init__(self, step_ns: int = 1_000_000, now_ns: int = NOON_NS) -> None:
        self._step_ns = step_ns
        self._elapsed_ns = 0
        self._now_ns = now_ns

    def time_ns(self) -> int:
        return self._now_ns

    def elapsed_ns(self) -> int:
        self._elapsed_ns += self._step_ns
        return self._elapsed_ns


def a_chat_request(**changes: Any) -> ChatRequest:
    sampling = Sampling(**changes.pop("sampling", {}))
    return ChatRequest(
        **{"model": "llama3", "messages": (Message("user", (TextPart("hi"),)),), "stream": True, "sampling": sampling, **changes}
    )


def a_part(kind: PartKind, *fragments: str, call_id: str = "", name: str = "") -> list[ChatEvent]:
    return [PartOpened(kind, call_id, name), *map(PartDelta, fragments), PartClosed()]


def a_call(call_id: str, name: str, *fragments: str) -> list[ChatEvent]:
    return a_part("tool_call", *fragments, call_id=call_id, name=name)


def a_stream(*parts: Sequence[ChatEvent], finish: FinishReason = "stop", usage: Usage | None = None) -> list[ChatEvent]:
    usage_seen = [] if usage is None else [UsageSeen(usage)]
    return [Started("chatcmpl-1"), *(event for part in parts for event in part), *usage_seen, Finished(finish)]


def a_completion(**changes: Any) -> Completion:
    return Completion(
        **{"id": "x", "model": "up", "created": 1, "parts": (TextPart("Hello"),), "finish_reason": "stop", "usage": Usage(12, 5), **changes}
    )


def rendered(renderer: StreamRenderer, events: Iterable[ChatEvent]) -> list[dict[str, Any]]:
    """The records of a stream whose events come one at a time."""
    return records(b"".join(renderer.render([event]) for event in events))


def chat_lines(events: list[ChatEvent], **changes: Any) -> list[dict[str, Any]]:
    return rendered(ChatStreamRenderer(a_chat_request(**changes), TickingStopwatch()), events)


def generate_lines(events: list[ChatEvent], **changes: Any) -> list[dict[str, Any]]:
    return rendered(GenerateStreamRenderer(a_chat_request(**changes), TickingStopwatch()), events)


def records(data: bytes) -> list[dict[str, Any]]:
    """The records in NDJSON, read as strictly as the strictest client reads them."""
    assert data == b"" or data.endswith(b"\n")
    lines = data.decode().splitlines()
    assert all(lines)
    found = [orjson.loads(line) for line in lines]
    assert not any(_has_null(record) for record in found)
    return found


def without_time(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "created_at" and not key.endswith("_duration")}


def _has_null(value: object) -> bool:
    """Whether a null of ours is in there; in a call's arguments the model may put what it likes."""
    if isinstance(value, dict):
        return any(_has_null(inner) for key, inner in value.items() if key != "arguments")
    if isinstance(value, list):
        return any(map(_has_null, value))
    return value is None
