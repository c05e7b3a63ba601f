"""How a relayed stream begins: with a message, with an error, or with nothing that a stream is made of. Pure."""

from __future__ import annotations

import orjson

from proxy.dialects.anthropic.told_errors import refusal_in_event
from proxy.errors import UpstreamBroken
from proxy.wire.plain_words import plain
from proxy.wire.sse import SseEvent, SseReader


def begins(head: bytes) -> bool:
    """See `RelayEndpoint`. Comments, pings and events without data are no beginning.

    Args:
        head: whole lines, all that came so far.
    """
    if head.lstrip()[:1] == b"<":
        raise UpstreamBroken("the upstream answered with a web page where a stream was due; check the base URL")
    first = next((event for event in SseReader().feed(head) if event.data.strip() and event.name != "ping"), None)
    if first is not None:
        _check(first)
    return first is not None


def _check(first: SseEvent) -> None:
    """Raises unless the first event is part of an answer."""
    try:
        record = orjson.loads(first.data)
    except orjson.JSONDecodeError as error:
        words = plain(first.data[:2000].decode("utf-8", "replace"), 100)
        raise UpstreamBroken(f"the upstream sent an event that is no JSON: {words}") from error
    if first.name == "error" or (isinstance(record, dict) and record.get("error")):
        raise refusal_in_event(record)
    if first.field != "data":
        raise UpstreamBroken("the upstream answered with something else where a stream was due")
