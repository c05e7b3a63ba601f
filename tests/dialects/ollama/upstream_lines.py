"""Answers of Ollama servers for tests, as lines, and what our reader makes of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from proxy.canonical.events import ChatEvent
from proxy.canonical.grammar import check
from proxy.dialects.ollama import egress
from proxy.profiles import Profile
from proxy.wire.exact_json import dumps_exact
from tests.dialects.ollama.upstream_asking import NATIVE, to

BEGUN = {"model": "served", "created_at": "2026-01-02T03:04:05.678901234Z"}
COUNTS = {"prompt_eval_count": 12, "eval_count": 5}


def line(record: object) -> bytes:
    return dumps_exact(record) + b"\n"


def chat_line(content: str = "", **message: Any) -> bytes:
    """A line of a chat's stream."""
    return line({**BEGUN, "message": {"role": "assistant", "content": content, **message}, "done": False})


def call(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {**more, "function": {"index": 0, "name": name, "arguments": arguments}}


def done(reason: str | None = "stop", **more: Any) -> bytes:
    """The last line of a chat's stream."""
    said = {} if reason is None else {"done_reason": reason}
    return line({**BEGUN, "message": {"role": "assistant", "content": ""}, "done": True, **said, "total_duration": 9, **COUNTS, **more})


def numbered() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"n{next(numbers)}"


def read(*chunks: bytes, profile: Profile = NATIVE) -> list[ChatEvent]:
    """The events of a stream, which obey the grammar."""
    reader = egress.stream_reader(to(profile), numbered())
    events = [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()
    check(events)
    return events


def read_whole(body: bytes) -> list[ChatEvent]:
    """The events of a whole answer, which obey the grammar."""
    events = egress.read_completion(body, to(), numbered())
    check(events)
    return events
