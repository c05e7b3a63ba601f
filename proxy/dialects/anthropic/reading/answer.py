"""Decoded records of one answer -> events. Knows what servers write into records; knows nothing of bytes and framing. Pure.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.canonical.completion import CUT_OFF
from proxy.canonical.events import ChatEvent, Finished, Started, UsageSeen
from proxy.dialects.anthropic.reading.finish import read_finish
from proxy.dialects.anthropic.reading.parts import Parts
from proxy.dialects.anthropic.reading.refusals import refusal_in_answer
from proxy.dialects.anthropic.reading.usage import UsageCounts
from proxy.errors import UpstreamBroken
from proxy.wire.refusals import described

Record = dict[str, Any]


class Answer:
    """One answer in the making. Methods append to the list of events that they are given.

    Attributes:
        stop_reason: why the model stopped, in the server's word; `""` until it has said so.
    """

    __slots__ = ("_explanation", "_new_id", "_parts", "_started", "_stop_sequence", "_usage", "stop_reason")

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._parts = Parts(new_id)
        self._usage = UsageCounts()
        self._started = False
        self.stop_reason = self._stop_sequence = self._explanation = ""

    def take(self, record: Any, name: str, events: list[ChatEvent]) -> bool:
        """Reads one record of a stream; whether it ends the answer.

        Args:
            name: of the event that it came in, for records that do not say themselves what they are.

        Raises:
            UpstreamRefused: the record is an error.
            UpstreamBroken: the record is nothing that an answer consists of.
        """
        if not isinstance(record, dict):
            raise _no_answer(record)
        kind = record.get("type") or name
        if kind == "content_block_delta":  # as nearly all are
            self._begin({}, events)
            self._parts.add(_index(record), _object(record, "delta"), events)
        elif kind == "content_block_start":
            self._begin({}, events)
            index = _index(record)
            self._parts.start(0 if index is None else index, _object(record, "content_block"), events)
        elif kind == "content_block_stop":
            self._parts.stop(events)
        elif kind == "message_start":
            self._begin(_object(record, "message"), events)
        elif kind == "message_delta":
            self._take_end(_object(record, "delta"), record.get("usage"), events)
        elif kind == "message_stop":
            if not self._started:
                raise UpstreamBroken("the upstream ended its answer without having given one")
            return True
        elif kind == "message":
            self.take_whole(record, events)
            return True
        else:
            _check_harmless(record, kind)
        return False

    def take_whole(self, message: Any, events: list[ChatEvent]) -> None:
        """Reads the JSON body of an answer that is no stream.

        Raises:
            UpstreamRefused, UpstreamBroken: as `take` does.
        """
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list) or message.get("type") == "error":
            raise refusal_in_answer(message) if isinstance(message, dict) and message.get("error") else _no_answer(message)
        self._begin(message, events)
        for index, block in enumerate(content):
            if isinstance(block, dict):
                self._parts.start(index, block, events)
                self._parts.stop(events)
        self._take_end(message, None, events)

    def end(self, events: list[ChatEvent]) -> None:
        """Reads the end of the answer, which the server marked as such, or which is clear from what it said before."""
        parts, reason = self._parts, self.stop_reason
        parts.stop(events)
        if read_finish(reason, has_calls=False) in CUT_OFF:
            parts.drop_blank_call()
        parts.tell_blank_call(events)
        if self._explanation and not parts.has_words and not parts.calls:
            parts.refuse(self._explanation, events)
        events.append(Finished(read_finish(reason, has_calls=parts.calls > 0), reason, self._stop_sequence))

    def _begin(self, message: Record, events: list[ChatEvent]) -> None:
        if not self._started:
            self._started = True
            answer_id, model = message.get("id"), message.get("model")
            events.append(
                Started(
                    answer_id if isinstance(answer_id, str) and answer_id else f"msg_{self._new_id()}",
                    model if isinstance(model, str) else "",
                )
            )
        if message:
            self._take_usage(message.get("usage"), events)

    def _take_end(self, delta: Record, usage: object, events: list[ChatEvent]) -> None:
        """Reads why the model stopped. The counts may come with or after that."""
        self._begin({}, events)
        reason, matched, details = delta.get("stop_reason"), delta.get("stop_sequence"), delta.get("stop_details")
        if isinstance(reason, str) and reason:
            self.stop_reason = reason
        if isinstance(matched, str):
            self._stop_sequence = matched
        if isinstance(details, dict) and isinstance(details.get("explanation"), str):
            self._explanation = details["explanation"]
        self._take_usage(usage, events)

    def _take_usage(self, raw: object, events: list[ChatEvent]) -> None:
        usage = self._usage.take(raw)
        if usage is not None:
            events.append(UsageSeen(usage))


def _index(record: Record) -> int | None:
    index = record.get("index")
    return index if type(index) is int else None


def _object(record: Record, key: str) -> Record:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _check_harmless(record: Record, kind: object) -> None:
    """Passes news of the server's own, which may be of types that nobody knows yet: so Anthropic asks its clients to do."""
    if kind == "error" or record.get("error"):
        raise refusal_in_answer(record if record.get("error") else {"error": record})
    if not isinstance(kind, str) or not kind:
        raise _no_answer(record)


def _no_answer(record: Any) -> UpstreamBroken:
    return UpstreamBroken(f"the upstream sent what is no part of an answer: {described(record)}")
