"""Decoded records of one answer -> events. Knows what Gemini writes into records; knows nothing of bytes and framing. Pure.

Source: google-genai 3.4.0, `types.py`, GenerateContentResponse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from proxy.canonical.completion import FinishReason, Usage
from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartKind, PartOpened, Started, UsageSeen
from proxy.dialects.gemini.contents import ORIGIN
from proxy.dialects.gemini.names import client_name
from proxy.dialects.gemini.reading.finish import is_models_own, read_finish
from proxy.dialects.gemini.reading.logprobs import logprob_items
from proxy.dialects.gemini.reading.refusals import refusal_in_answer
from proxy.dialects.gemini.reading.usage import read_usage
from proxy.errors import UpstreamBroken, UpstreamRefused
from proxy.wire.exact_json import dumps_exact
from proxy.wire.plain_words import plain
from proxy.wire.refusals import described

Record = Mapping[str, Any]

_MEMBERS: Final = frozenset(
    {
        "candidates",
        "promptFeedback",
        "usageMetadata",
        "modelVersion",
        "responseId",
        "createTime",
        "modelStatus",
        "automaticFunctionCallingHistory",
    }
)
# Parts that other languages' answers have no place for.
_UNHEARD: Final = ("inlineData", "fileData", "executableCode", "codeExecutionResult")


class Answer:
    """One answer in the making; only its first candidate is read. Methods append to the list of events that they are given.

    Attributes:
        finish_reason: why the model stopped, once the server has said so. More may come behind that.
    """

    __slots__ = ("_calls", "_id", "_ids", "_model", "_new_id", "_open", "_raw_reason", "_started", "_unheard", "_usage", "finish_reason")

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._id = self._model = self._raw_reason = ""
        self._ids: set[str] = set()
        self._calls = 0
        self._open: PartKind | None = None
        self._started = False
        self._unheard: str | None = ""  # what was left out, while nothing else was said; `None` once something was
        self._usage: Usage | None = None
        self.finish_reason: FinishReason | None = None

    def take(self, record: Any, events: list[ChatEvent]) -> None:
        """Reads one record, or several in an array, as they come from servers that were not asked for events.

        Raises:
            UpstreamRefused: the record is an error.
            UpstreamBroken: the record is nothing that an answer consists of.
        """
        if isinstance(record, list):
            for item in record:
                self._take_record(item, events)
        else:
            self._take_record(record, events)

    def end(self, events: list[ChatEvent]) -> None:
        """Reads the end of the answer. There is no other mark of it than that the model has said why it stopped.

        Raises:
            UpstreamBroken: it has not.
            UpstreamRefused: there is nothing in it that could be told.
        """
        if self.finish_reason is None:
            raise UpstreamBroken("the upstream's answer ended before it was complete")
        if self._unheard and self.finish_reason != "content_filter":
            raise _nothing_to_tell(self._unheard)
        self._begin(events)
        self._close(events)
        reason: FinishReason = "tool_calls" if self._calls and self.finish_reason == "stop" else self.finish_reason
        events.append(Finished(reason, self._raw_reason))

    def _take_record(self, record: Any, events: list[ChatEvent]) -> None:
        if not isinstance(record, dict):
            raise UpstreamBroken(f"the upstream sent what is no part of an answer: {described(record)}")
        if record.get("error"):
            raise refusal_in_answer(record)
        if record and _MEMBERS.isdisjoint(record):
            raise _no_answer(record)
        self._learn_head(record)
        usage = read_usage(record.get("usageMetadata"))
        if usage is not None and usage != self._usage:
            self._usage = usage
            if self._started:
                events.append(UsageSeen(usage))
        candidate = _first_candidate(record)
        if candidate is not None:
            self._take_candidate(candidate, events)
        else:
            self._take_feedback(record.get("promptFeedback"), events)

    def _learn_head(self, record: Record) -> None:
        answer_id, model = record.get("responseId"), record.get("modelVersion")
        if not self._id and isinstance(answer_id, str):
            self._id = answer_id
        if not self._model and isinstance(model, str):
            self._model = model

    def _begin(self, events: list[ChatEvent]) -> None:
        if not self._started:
            self._started = True
            events.append(Started(self._id or f"gemini-{self._new_id()}", self._model))
            if self._usage is not None:
                events.append(UsageSeen(self._usage))

    def _take_feedback(self, feedback: object, events: list[ChatEvent]) -> None:
        """A prompt that was blocked gets an answer without candidates."""
        reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
        if isinstance(reason, str) and reason and reason != "BLOCKED_REASON_UNSPECIFIED" and self.finish_reason is None:
            self._begin(events)
            self.finish_reason, self._raw_reason = "content_filter", reason

    def _take_candidate(self, candidate: Record, events: list[ChatEvent]) -> None:
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        parts = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        items = logprob_items(candidate.get("logprobsResult")) if "logprobsResult" in candidate else []
        last_text = _place_of_logprobs(parts) if items else -1
        self._begin(events)
        for place, part in enumerate(parts):
            self._take_part(part, events, items if place == last_text else None)
        reason = candidate.get("finishReason")
        if isinstance(reason, str):
            self._take_finish(reason, candidate.get("finishMessage"))

    def _take_part(self, part: Record, events: list[ChatEvent], items: Sequence[dict[str, Any]] | None) -> None:
        """Reads a text, a thought or a call. Pictures and programs that the model made have no place in the answer."""
        signature = part.get("thoughtSignature")
        signature = signature if isinstance(signature, str) else ""
        call, text = part.get("functionCall"), part.get("text")
        if isinstance(call, dict):
            self._take_call(call, signature, events)
        elif isinstance(text, str):
            self._take_text("reasoning" if part.get("thought") is True else "text", text, signature, events, items)
        elif self._unheard is not None:
            self._unheard = next((name for name in _UNHEARD if name in part), self._unheard)

    def _take_text(
        self, kind: PartKind, text: str, signature: str, events: list[ChatEvent], items: Sequence[dict[str, Any]] | None
    ) -> None:
        if text:
            if kind == "text":
                self._unheard = None
            if self._open != kind:
                self._close(events)
                self._open = kind
                events.append(PartOpened(kind))
            events.append(PartDelta(text, items or None))
        if signature and self._open == "reasoning":
            self._close(events, signature)
        elif signature:
            # Words carry no signature through the house: it stands behind them, for the thoughts that led to them.
            self._close(events)
            events += (PartOpened("reasoning"), PartClosed(signature, ORIGIN, redacted=True))

    def _take_call(self, call: Record, signature: str, events: list[ChatEvent]) -> None:
        name, arguments = call.get("name"), call.get("args")
        if not isinstance(name, str) or not name:
            raise UpstreamBroken("the upstream sent a tool call without a name")
        self._close(events)
        self._calls += 1
        self._unheard = None
        events += (
            PartOpened("tool_call", self._issue_id(call.get("id")), client_name(name)),
            PartDelta(_arguments_text(arguments)),
            PartClosed(signature, ORIGIN if signature else ""),
        )

    def _issue_id(self, upstream_id: object) -> str:
        """The server's id if it tells this call from the others, else a new one."""
        issued = upstream_id if isinstance(upstream_id, str) else ""
        if not issued or issued in self._ids:
            issued = f"call_{self._new_id()}"
        self._ids.add(issued)
        return issued

    def _take_finish(self, word: str, message: object) -> None:
        reason = read_finish(word)
        if reason == "error":
            raise _broken_off(word, plain(message, 300) if isinstance(message, str) else "")
        if reason is not None:
            self.finish_reason, self._raw_reason = reason, word

    def _close(self, events: list[ChatEvent], signature: str = "") -> None:
        if self._open is not None:
            self._open = None
            events.append(PartClosed(signature, ORIGIN if signature else ""))


def _first_candidate(record: Record) -> Record | None:
    candidates = record.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        if isinstance(candidate, dict) and not candidate.get("index"):
            return candidate
    return None


def _place_of_logprobs(parts: Sequence[Record]) -> int:
    """Which part the probabilities of a record belong to, -1 where that is not certain: they are not told apart by part."""
    texts = [place for place, part in enumerate(parts) if part.get("text")]
    return texts[0] if len(texts) == 1 and parts[texts[0]].get("thought") is not True else -1


def _arguments_text(arguments: object) -> str:
    try:
        return dumps_exact(arguments).decode() if isinstance(arguments, dict) else "{}"
    except (TypeError, RecursionError) as error:
        raise UpstreamBroken(f"the upstream sent arguments of a tool call that can't be written as JSON: {error}") from error


def _broken_off(word: str, words: str) -> UpstreamRefused:
    error = UpstreamRefused(
        f"the upstream broke off its answer: {words or plain(word, 100)}",
        status=502,
        upstream_status=200,
        raw={"error": {"message": words, "status": word}},
    )
    error.is_models_own = is_models_own(word)
    return error


def _nothing_to_tell(kind: str) -> UpstreamRefused:
    """The error for an answer of pictures, sounds or programs alone: as an empty text, it would look as if the model had said nothing."""
    error = UpstreamRefused(f"the upstream answered with `{kind}` alone, and answers here are text", status=502, upstream_status=200)
    error.is_models_own = True
    return error


def _no_answer(record: Record) -> UpstreamRefused | UpstreamBroken:
    """The error for a record that has no place in an answer; its own words, where it has some."""
    if any(record.get(name) for name in ("message", "detail", "errors")):
        return refusal_in_answer(record)
    return UpstreamBroken(f"the upstream sent what is no part of an answer: {described(record)}")
