"""OpenAI's answers to prompts: chunks of text, or one object. There is a place for text here, and for nothing else. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.canonical.completion import Completion, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.request import RefusalPart, TextPart
from proxy.dialect import Stopwatch, TextRequest
from proxy.dialects.openai.answering.chunks import DONE, Frame, error_record
from proxy.dialects.openai.answering.records import Record, answer_id, created_s, legacy_logprobs, stop_record, usage_record
from proxy.dialects.openai.asking.wishes import AskedPrompt
from proxy.dialects.openai.beginning import KEEP_ALIVE
from proxy.errors import ProxyError
from proxy.wire.ndjson import line_safe

_ID = "cmpl-"
_SPOKEN = ("text", "refusal")


class CompletionStreamRenderer:
    """Writes one stream of `/v1/completions`. Arguments and attributes as of `ChatStreamRenderer`."""

    def __init__(self, request: TextRequest, stopwatch: Stopwatch, choice: int | None = None) -> None:
        self._request = request
        self._choice = choice
        self._stopwatch = stopwatch
        self.wants_usage = isinstance(request, AskedPrompt) and request.wants_usage
        self.frame = Frame(b"", b"")
        self._is_spoken = False
        self._chars = 0
        self._usage = Usage()
        self.failure: ProxyError | None = None

    def render(self, events: Sequence[ChatEvent]) -> bytes:
        """The chunks for these events."""
        return line_safe(b"".join(map(self._chunk, events)))

    def _chunk(self, event: ChatEvent) -> bytes:
        match event:
            case PartDelta():
                return self._delta(event)
            case PartOpened():
                self._is_spoken = event.kind in _SPOKEN
            case UsageSeen():
                self._usage = event.usage
            case Started():
                return self._start(event)
            case KeepAlive():
                return KEEP_ALIVE
            case Failed():
                return error_record(event.error) + DONE
            case Finished():
                return self._finish(event)
        return b""

    def _start(self, started: Started) -> bytes:
        head = {
            "id": answer_id(started.id, _ID),
            "object": "text_completion",
            "created": created_s(started.created, self._stopwatch),
            "model": self._request.model,
        }
        self.frame = Frame.of(head, b'"text":', b"", wants_usage=self.wants_usage, choice=self._choice or 0)
        echo = _echo(self._request)
        return self.frame.before + orjson.dumps(echo) + self.frame.after if echo else b""

    def _delta(self, delta: PartDelta) -> bytes:
        frame = self.frame
        if not self._is_spoken or not (delta.text or delta.logprobs):
            return b""
        begin, self._chars = self._chars, self._chars + len(delta.text)
        text = frame.before + orjson.dumps(delta.text)
        if delta.logprobs and self._request.sampling.logprobs:
            return text + frame.after_with(orjson.dumps(_legacy(delta.logprobs, begin, self._request)))
        return text + frame.after

    def _finish(self, finished: Finished) -> bytes:
        chunk = self.frame.last(stop_record(finished.finish_reason, finished.stop_sequence), b'""')
        if self._choice is not None:
            return chunk
        counts = usage_record(self._usage) if self.wants_usage else None
        return chunk + (self.frame.counted(counts) if counts else b"") + DONE


def render_completion(completion: Completion, request: TextRequest, stopwatch: Stopwatch) -> bytes:
    """The whole answer of `/v1/completions`."""
    choices: list[Record] = []
    for index, (answer, asked) in enumerate(zip((completion, *completion.others), (request, *request.others), strict=True)):
        text = "".join([part.text for part in answer.parts if isinstance(part, TextPart | RefusalPart)])
        logprobs = _legacy(answer.logprobs, 0, asked) if asked.sampling.logprobs and answer.logprobs else None
        stop = stop_record(answer.finish_reason, answer.stop_sequence)
        choices.append({"text": _echo(asked) + text, "index": index, "logprobs": logprobs, **stop})
    record: Record = {
        "id": answer_id(completion.id, _ID),
        "object": "text_completion",
        "created": created_s(completion.created, stopwatch),
        "model": request.model,
        "choices": choices,
    }
    counts = usage_record(completion.usage)
    return line_safe(orjson.dumps(record | {"usage": counts} if counts else record))


def _legacy(items: Sequence[Record], begin: int, request: TextRequest) -> Record:
    return legacy_logprobs(items, begin, with_top=bool(request.sampling.top_logprobs))


def _echo(request: TextRequest) -> str:
    """What the answer begins with before the model says anything."""
    return request.prompt if isinstance(request, AskedPrompt) and request.echoes else ""
