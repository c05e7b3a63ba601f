"""How a relayed answer begins: with an answer, with an error, or with nothing that one is made of. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.canonical.event_stream_reader import TERMINATOR
from proxy.dialects.openai.wordless import says_something
from proxy.errors import UpstreamBroken
from proxy.wire.lenient_json import LenientJson
from proxy.wire.refusals import described, refusal_in_answer
from proxy.wire.sse import SseEvent, SseReader

# A comment: clients read over it.
# Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
KEEP_ALIVE = b": keep-alive\n\n"

_LONGEST_NOTHING_BYTES = 16 * 1024


def begins(head: bytes) -> bool:
    """See `RelayEndpoint`. Comments, events without data, and records that say nothing yet (the role alone) are no beginning.

    Args:
        head: whole lines, all that came so far.
    """
    end = head.find(b"\n")
    if head.startswith(b"data: ") and head.startswith(b"\n\n", end) and says_something(_record(SseEvent(head[6:end]))):
        return True  # what nearly every server writes
    if head.lstrip()[:1] == b"<":
        raise UpstreamBroken("the upstream answered with a web page where a stream was due; check the base URL")
    has_choice = False
    for event in SseReader().feed(head):
        data = event.data.strip()
        if data == TERMINATOR and has_choice:
            return True
        if data:
            record = _record(event)
            if says_something(record):
                return True
            has_choice = has_choice or bool(record["choices"])
    # Who says so often that there is nothing to say yet is heard.
    return has_choice and len(head) > _LONGEST_NOTHING_BYTES


def _record(event: SseEvent) -> Any:
    """The record that the event holds. Raises unless it is part of an answer."""
    data = event.data.strip()
    if data == TERMINATOR:
        raise UpstreamBroken("the upstream ended its answer without having given one")
    try:
        record = _decoded(data)
    except ValueError as error:
        if event.field != "error" and event.name != "error":
            raise UpstreamBroken(f"the upstream sent an event that is no JSON: {described(data)}") from error
        record = data.decode("utf-8", "replace")
    if isinstance(record, dict) and record.get("error"):
        raise refusal_in_answer(record)
    if event.field == "error" or event.name == "error":
        raise refusal_in_answer({"error": record})
    if event.field == "bare":
        raise UpstreamBroken("the upstream answered with something else where a stream was due")
    return record


def _decoded(data: bytes) -> object:
    """Raises `ValueError` for what is no JSON by any reading."""
    try:
        decoded: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        decoded = LenientJson().read(data)
    return decoded
