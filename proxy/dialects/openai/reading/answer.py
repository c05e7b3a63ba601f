"""Decoded records of one answer -> events. Knows what servers write into records; knows nothing of bytes and framing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from proxy.canonical.completion import CUT_OFF, FinishReason, Usage
from proxy.canonical.events import ChatEvent, Finished, PartDelta, PartKind, Started, UsageSeen
from proxy.dialects.openai.reading.deltas import Segment, logprob_items, segments_of, shared_out
from proxy.dialects.openai.reading.finish import corrected, is_finish_word, is_models_own, read_finish
from proxy.dialects.openai.reading.parts import PartQueue
from proxy.dialects.openai.reading.tool_calls import ToolCallSlots
from proxy.dialects.openai.reading.usage import read_usage
from proxy.errors import UpstreamBroken, UpstreamRefused
from proxy.wire.counts import whole_count
from proxy.wire.refusals import described, refusal_in_answer

Record = dict[str, Any]


class Answer:
    """One answer in the making; only its first choice is read. Methods append to the list of events that they are given.

    Attributes:
        finish_reason: why the model stopped, once the server has said so.
        field: the field of deltas whose text goes on with the live part, if a record says nothing else; `""` when there is none.
        is_plain: whether this answers a plain prompt (legacy completions), so that nothing was made of the model's text yet.
    """

    __slots__ = (
        *("_answered", "_calls", "_created", "_id", "_model", "_new_id", "_queue", "_raw_reason", "_started", "_stop_sequence"),
        *("_usage", "field", "finish_reason", "is_plain"),
    )

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._queue = PartQueue()
        self._calls = ToolCallSlots(self._queue, new_id)
        self._id = self._model = ""
        self._created = 0
        self._started = False
        self._answered = False  # a choice was there
        self.field = ""
        self._raw_reason = self._stop_sequence = ""
        self._usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self.is_plain = False

    def take(self, record: Any, events: list[ChatEvent]) -> str | None:
        """Reads one record of a stream. Its text, if that is all it says, and goes on with the live part.

        Raises:
            UpstreamRefused: the record is an error.
            UpstreamBroken: the record is nothing that an answer consists of.
        """
        field = self.field
        if field:
            # Nearly all records say one thing, in the field of the one before, and go on with its part.
            try:
                (choice,) = record["choices"]
                delta = choice["delta"]
                text = delta[field]
                if (
                    type(text) is str
                    and (len(delta) == 1 or _says_only(field, delta))
                    and not (choice.get("finish_reason") or choice.get("logprobs") or choice.get("index") or choice.get("error"))
                    and not (record.get("usage") or record.get("error"))
                ):
                    if text:
                        events.append(PartDelta(text))
                    return text
            except (KeyError, TypeError, ValueError):
                pass
        self._take_record(record, events, whole=False)
        return None

    def take_whole(self, body: Any, events: list[ChatEvent]) -> None:
        """Reads the JSON body of an answer that is no stream.

        Raises:
            UpstreamRefused, UpstreamBroken: as `take` does.
        """
        self._take_record(body, events, whole=True)

    def end(self, events: list[ChatEvent], *, in_order: bool) -> None:
        """Reads the end of the answer; `in_order` says that the server marked it as such.

        Raises:
            UpstreamBroken: the answer ended in its middle.
        """
        if self.finish_reason is None and not in_order:
            raise UpstreamBroken("the upstream's answer ended before it was complete")
        if not self._answered:
            raise UpstreamBroken("the upstream ended its answer without having given one")
        self._begin(events)
        self._queue.close(events, cut_off=self.finish_reason in CUT_OFF)
        reason = corrected(self.finish_reason, has_calls=self._queue.calls > 0)
        events.append(Finished(reason, self._raw_reason, self._stop_sequence))

    def _take_record(self, record: Any, events: list[ChatEvent], *, whole: bool) -> None:
        if isinstance(record, list) and record:
            record = record[0]  # Gemini wraps its errors so
        if not isinstance(record, dict):
            raise _no_answer(record)
        if record.get("error"):
            raise refusal_in_answer(record)
        if not self._started:
            self._learn_head(record)
        choice = _first_choice(record)
        usage = record.get("usage") or (_odd_usage(record, choice) if choice is None or choice.get("finish_reason") else None)
        if choice is not None:
            self._take_choice(choice, events, whole=whole)
        if usage:
            self._take_usage(usage, events)
        elif choice is None and "choices" not in record:
            _check_harmless(record)

    def _learn_head(self, record: Record) -> None:
        """Takes the first real id, model and time. Azure begins with a record that has none of them."""
        answer_id, model = record.get("id"), record.get("model")
        if not self._id and isinstance(answer_id, str):
            self._id = answer_id
        if not self._model and isinstance(model, str):
            self._model = model
        if not self._created:
            self._created = whole_count(record.get("created")) or 0

    def _begin(self, events: list[ChatEvent]) -> None:
        if not self._started:
            self._started = True
            events.append(Started(self._id or f"chatcmpl-{self._new_id()}", self._model, self._created))
            if self._usage is not None:
                events.append(UsageSeen(self._usage))

    def _take_choice(self, choice: Record, events: list[ChatEvent], *, whole: bool) -> None:
        self._answered = True
        if choice.get("error"):
            raise refusal_in_answer(choice)
        delta, message, text = choice.get("delta"), choice.get("message"), choice.get("text")
        if delta and isinstance(delta, dict):
            self._take_delta(delta, choice, events, whole=whole)
        elif message and isinstance(message, dict):
            # In a stream, some servers end with the whole message, which was told by then.
            if self._queue.latest is None:
                self._take_delta(message, choice, events, whole=True)
        elif isinstance(text, str):
            self.is_plain = True
            self._take_delta({"content": text}, choice, events, whole=whole)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self._take_finish(reason, choice)

    def _take_delta(self, delta: Record, choice: Record, events: list[ChatEvent], *, whole: bool) -> None:
        segments = segments_of(delta)
        items = logprob_items(choice.get("logprobs"))
        tool_calls, function_call, details = delta.get("tool_calls"), delta.get("function_call"), delta.get("reasoning_details")
        if items and not segments and not tool_calls and delta.get("content") == "" and self._queue.latest != "tool_call":
            segments = [(self._queue.latest or "text", "")]  # tokens that are only a part of a character
        if segments:
            self._begin(events)
            for (kind, _), said in zip(segments, shared_out(items, segments), strict=True):
                if kind == self._queue.live:
                    events.append(said)
                else:
                    self._queue.write(kind, said, events)
                if details and kind == "reasoning":
                    self._take_details(details, events)
                    details = None
        if details:
            self._take_details(details, events)
        if isinstance(tool_calls, list) and tool_calls:
            self._begin(events)
            self._calls.take(tool_calls, events, whole=whole)
        if isinstance(function_call, dict):
            self._begin(events)
            self._calls.take([{"index": 0, "function": function_call}], events, whole=whole)
        self.field = _field_of(segments, delta, self._queue.live)

    def _take_details(self, details: object, events: list[ChatEvent]) -> None:
        if isinstance(details, list):
            self._begin(events)
            self._queue.add_details(details, events)

    def _take_finish(self, reason: str, choice: Record) -> None:
        read = read_finish(reason)
        if read == "error":
            error = UpstreamRefused(f"the upstream broke off its answer: {described(reason)}", status=502, upstream_status=200)
            error.is_models_own = is_models_own(reason, choice.get("native_finish_reason"))
            raise error
        self.finish_reason, self._raw_reason = read, reason
        matched = choice.get("stop_reason")  # vLLM: the stop sequence, or the number of the stop token
        if read == "stop" and isinstance(matched, str) and not is_finish_word(matched):
            self._stop_sequence = matched

    def _take_usage(self, raw: object, events: list[ChatEvent]) -> None:
        """Reads counts; vLLM sends them with every record when asked to."""
        usage = read_usage(raw)
        if usage is not None and usage != self._usage:
            self._usage = usage
            if self._started:
                events.append(UsageSeen(usage))


def _says_only(field: str, delta: Record) -> bool:
    for key, value in delta.items():  # noqa: SIM110 (a generator costs more than what it looks through)
        if value and key != field and key != "role":
            return False
    return True


def _field_of(segments: Sequence[Segment], delta: Record, live: PartKind | None) -> str:
    """The field of `delta` that told of the part that is live now, `""` when that cannot be said of one field."""
    if not segments or segments[-1][0] != live:
        return ""
    if live == "text":
        return "content"
    return "" if live != "reasoning" else "reasoning_content" if delta.get("reasoning_content") else "reasoning"


def _first_choice(record: Record) -> Record | None:
    choices = record.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return None


def _odd_usage(record: Record, choice: Record | None) -> object:
    """Counts where only some servers put them: Groq's own object, or the last choice (Moonshot)."""
    groq = record.get("x_groq")
    usage = groq.get("usage") if isinstance(groq, dict) else None
    return usage or (choice.get("usage") if choice else None)


def _check_harmless(record: Record) -> None:
    """Passes what says nothing about the answer: a chunk with a head only, a ping."""
    kind = record.get("object")
    if isinstance(kind, str) and kind.endswith((".completion", ".chunk", "text_completion")):
        return
    if record.get("type") != "ping":
        raise _no_answer(record)


def _no_answer(record: Any) -> UpstreamRefused | UpstreamBroken:
    """The error for a record that has no place in an answer; its own words, where it has some."""
    if isinstance(record, dict) and any(record.get(name) for name in ("message", "detail", "errors")):
        return refusal_in_answer(record)
    return UpstreamBroken(f"the upstream sent what is no part of an answer: {described(record)}")
