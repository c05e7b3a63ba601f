"""Whole answers as nearly all are: one text, why it ended, what it cost. Pure.

What such an answer means is `ChunkReader`'s knowledge, and this says the same of it, with a fifth of the work. Anything else in an answer
makes it one for `ChunkReader`: also whatever it may learn to read later, because what is not known here must say nothing.
"""

from __future__ import annotations

from typing import Any

import orjson

from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.dialects.openai.reading.usage import read_usage
from proxy.wire.counts import whole_count
from proxy.wire.sse import MAX_EVENT_BYTES

_OF_MESSAGE = frozenset({"content", "role"})
_OF_CHOICE = frozenset({"message", "finish_reason", "native_finish_reason", "content_filter_results"})


def usual_events(body: bytes) -> list[ChatEvent] | None:
    """The events of a usual answer, `None` for all others. Takes a fifth of the time (7 us instead of 34)."""
    if len(body) > MAX_EVENT_BYTES:
        return None
    try:
        record = orjson.loads(body)
        (choice,) = record["choices"]
        message, reason, usage = choice["message"], choice["finish_reason"], read_usage(record["usage"])
        text, answer_id, model, created = message["content"], record["id"], record["model"], record["created"]
        is_usual = (
            type(text) is type(answer_id) is type(model) is str
            and type(created) is int
            and whole_count(created) == created
            and answer_id
            and text.lstrip()[:1] not in ("", "<")  # where the model's tags for its thoughts begin
            and reason in ("stop", "length")
            and not record.get("error")
            and _says_only(_OF_MESSAGE, message)
            and _says_only(_OF_CHOICE, choice)
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if not is_usual or usage is None:
        return None
    return [
        Started(answer_id, model, created),
        PartOpened("text"),
        PartDelta(text),
        UsageSeen(usage),
        PartClosed(),
        Finished(reason, reason),
    ]


def _says_only(known: frozenset[str], members: dict[str, Any]) -> bool:
    for name, value in members.items():  # noqa: SIM110 (a generator costs more than what it looks through)
        if value and name not in known:
            return False
    return True
