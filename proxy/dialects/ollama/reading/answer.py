"""The records of one answer -> events. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from proxy.canonical.completion import FinishReason, Usage
from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartKind, PartOpened, Started, UsageSeen
from proxy.dialects.ollama.reading.records import Record, is_last
from proxy.dialects.ollama.reading.times import unix_s
from proxy.errors import UpstreamBroken
from proxy.wire.counts import whole_count
from proxy.wire.exact_json import dumps_exact
from proxy.wire.refusals import described

_REASONS: Final[dict[str, FinishReason]] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}
# The runner gave up: the answer has no end of its own.
_FAILURES: Final = frozenset({"error", "abort"})


class Answer:
    """Reads one answer, record by record.

    Attributes:
        is_over: whether its last record was read.
        is_plain: whether a text without a chat template is continued.
    """

    __slots__ = ("_call_ids", "_new_id", "_open", "_started", "is_over", "is_plain")

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._started = False
        self._open: PartKind | None = None
        self._call_ids: set[str] = set()
        self.is_over = self.is_plain = False

    def take(self, record: Record, events: list[ChatEvent]) -> None:
        """Adds the events of the next record.

        Raises:
            UpstreamBroken: it says what cannot be.
        """
        if not self._started:
            self._started = True
            events.append(Started(f"chatcmpl-{self._new_id()}", _word(record.get("model")), unix_s(record.get("created_at"))))
        message = record.get("message")
        if "response" in record and not isinstance(message, dict):
            self.is_plain, message = True, record
        if isinstance(message, dict):
            self._take_message(message, record, events)
        if is_last(record):
            self._end(record, events)

    def _take_message(self, message: Record, record: Record, events: list[ChatEvent]) -> None:
        thinking, text = _word(message.get("thinking")), _word(message.get("response" if message is record else "content"))
        logprobs = _logprobs(record.get("logprobs"))
        if thinking:
            self._say("reasoning", thinking, None if text else logprobs, events)
        if text:
            self._say("text", text, logprobs, events)
        elif logprobs and not thinking and self._open:
            events.append(PartDelta("", logprobs))  # tokens whose characters are not complete yet
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            self._call(call, events)

    def _say(self, kind: PartKind, text: str, logprobs: list[Record] | None, events: list[ChatEvent]) -> None:
        if self._open != kind:
            self._close(events)
            self._open = kind
            events.append(PartOpened(kind))
        events.append(PartDelta(text, logprobs))

    def _call(self, call: object, events: list[ChatEvent]) -> None:
        """A call; Ollama sends them whole. Its `index` is not looked at: some servers give all calls the same.

        Source: https://github.com/ollama/ollama/issues/15457
        """
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict) or not _word(function.get("name")):
            raise UpstreamBroken(f"the upstream sent a tool call without a name: {described(call)}")
        self._close(events)
        call_id = self._issued(_word(call.get("id")))
        events += (PartOpened("tool_call", call_id, function["name"]), PartDelta(_arguments(function.get("arguments"))), PartClosed())

    def _issued(self, upstream_id: str) -> str:
        """The server's id of a call where it has one that no other call has, else a new one."""
        issued = upstream_id if upstream_id and upstream_id not in self._call_ids else f"call_{self._new_id()}"
        self._call_ids.add(issued)
        return issued

    def _end(self, record: Record, events: list[ChatEvent]) -> None:
        self._close(events)
        usage = Usage(whole_count(record.get("prompt_eval_count")), whole_count(record.get("eval_count")))
        if usage != Usage():
            events.append(UsageSeen(usage))
        said = _word(record.get("done_reason"))
        if said in _FAILURES:
            raise UpstreamBroken(f"the upstream broke its answer off, for the reason {said!r}")
        reason = _REASONS.get(said, "stop")
        events.append(Finished("tool_calls" if self._call_ids and reason == "stop" else reason, said))
        self.is_over = True

    def _close(self, events: list[ChatEvent]) -> None:
        if self._open is not None:
            self._open = None
            events.append(PartClosed())


def _arguments(value: object) -> str:
    """Arguments as JSON text. Ollama sends the object; servers that copy its API send text, too."""
    if value is None or value == "":
        return "{}"
    if isinstance(value, str):
        return value
    try:
        return dumps_exact(value).decode()
    except TypeError as error:
        raise UpstreamBroken(f"the upstream sent arguments of a tool call that can't be written as JSON: {error}") from error


def _logprobs(items: object) -> list[Record] | None:
    """Ollama's items as OpenAI's, which leave nothing out."""
    if not isinstance(items, list) or not items:
        return None
    return [
        {**_logprob(item), "top_logprobs": [_logprob(other) for other in _objects(item.get("top_logprobs"))]} for item in _objects(items)
    ]


def _logprob(item: Record) -> Record:
    return {"token": _word(item.get("token")), "logprob": item.get("logprob"), "bytes": item.get("bytes")}


def _objects(items: object) -> Sequence[Record]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else ()


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""
