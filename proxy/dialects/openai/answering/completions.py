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
    """Writes one stream of `/v1/completions`."""

    def __init__(self, request: TextRequest, stopwatch: Stopwatch) -> None:
        self._request = request
        self._stopwatch = stopwatch
        self._wants_usage = isinstance(request, AskedPrompt) and request.wants_usage
        self._frame = Frame(b"", b"")
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
        self._frame = Frame.of(head, b'"text":', b"", wants_usage=self._wants_usage)
        echo = _echo(self._request)
        return self._frame.before + orjson.dumps(echo) + self._frame.after if echo else b""

    def _delta(self, delta: PartDelta) -> bytes:
        frame = self._frame
        if not self._is_spoken or not (delta.text or delta.logprobs):
            return b""
        begin, self._chars = self._chars, self._chars + len(delta.text)
        text = frame.before + orjson.dumps(delta.text)
        if delta.logprobs and self._request.sampling.logprobs:
            return text + frame.after_with(orjson.dumps(_legacy(delta.logprobs, begin, self._request)))
        return text + frame.after

    def _finish(self, finished: Finished) -> bytes:
        chunk = self._frame.last(stop_record(finished.finish_reason, finished.stop_sequence), b'""')
        counts = usage_record(self._usage) if self._wants_usage else None
        return chunk + (self._frame.counted(counts) if counts else b"") + DONE


def render_completion(completion: Completion, request: TextRequest, stopwatch: Stopwatch) -> bytes:
    """The whole answer of `/v1/completions`."""
    text = "".join(part.text for part in completion.parts if isinstance(part, TextPart | RefusalPart))
    logprobs = _legacy(completion.logprobs, 0, request) if request.sampling.logprobs and completion.logprobs else None
    choice = {
        "text": _echo(request) + text,
        "index": 0,
        "logprobs": logprobs,
        **stop_record(completion.finish_reason, completion.stop_sequence),
    }
    record: Record = {
        "id": answer_id(completion.id, _ID),
        "object": "text_completion",
        "created": created_s(completion.created, stopwatch),
        "model": request.model,
        "choices": [choice],
    }
    counts = usage_record(completion.usage)
    return line_safe(orjson.dumps(record | {"usage": counts} if counts else record))


def _legacy(items: Sequence[Record], begin: int, request: TextRequest) -> Record:
    return legacy_logprobs(items, begin, with_top=bool(request.sampling.top_logprobs))


def _echo(request: TextRequest) -> str:
    """What the answer begins with before the model says anything."""
    return request.prompt if isinstance(request, AskedPrompt) and request.echoes else ""
