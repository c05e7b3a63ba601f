"""OpenAI's answers to prompts: chunks of text, or one object. There is a place for text here, and for nothing else. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.canonical.completion import Completion
from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartOpened, Started
from proxy.canonical.request import RefusalPart, TextPart
from proxy.dialect import Stopwatch, TextRequest
from proxy.dialects.openai.answering.choice_stream import ChoiceStream, head_record
from proxy.dialects.openai.answering.records import Record, legacy_logprobs, stop_record, usage_record
from proxy.dialects.openai.asking.wishes import AskedPrompt
from proxy.wire.ndjson import line_safe

_ID = "cmpl-"
_SPOKEN = ("text", "refusal")


class CompletionStreamRenderer(ChoiceStream):
    """Writes one stream of `/v1/completions`."""

    object_name = "text_completion"
    id_prefix = _ID

    def __init__(self, request: TextRequest, stopwatch: Stopwatch, choice: int | None = None) -> None:
        super().__init__(request, stopwatch, choice, wants_usage=isinstance(request, AskedPrompt) and request.wants_usage)
        self._is_spoken = False
        self._chars = 0

    def render(self, events: Sequence[ChatEvent]) -> bytes:
        """The chunks for these events."""
        return line_safe(b"".join(map(self._chunk, events)))

    def _start(self, started: Started) -> bytes:
        self._begin_frame(started, b'"text":', b"")
        echo = _echo(self._request)
        return self.frame.before + orjson.dumps(echo) + self.frame.after if echo else b""

    def _begin_part(self, part: PartOpened) -> bytes:
        self._is_spoken = part.kind in _SPOKEN
        return b""

    def _end_part(self, _: PartClosed) -> bytes:
        return b""

    def _delta(self, delta: PartDelta) -> bytes:
        frame = self.frame
        if not self._is_spoken or not (delta.text or delta.logprobs):
            return b""
        begin, self._chars = self._chars, self._chars + len(delta.text)
        text = frame.before + orjson.dumps(delta.text)
        if delta.logprobs and self._request.sampling.logprobs:
            return text + frame.after_with(orjson.dumps(_legacy(delta.logprobs, begin, self._request)))
        return text + frame.after

    def _last(self, finished: Finished) -> bytes:
        return self.frame.last(stop_record(finished.finish_reason, finished.stop_sequence), b'""')


def render_completion(completion: Completion, request: TextRequest, stopwatch: Stopwatch) -> bytes:
    """The whole answer of `/v1/completions`."""
    choices: list[Record] = []
    for index, (answer, asked) in enumerate(zip((completion, *completion.others), (request, *request.others), strict=True)):
        text = "".join([part.text for part in answer.parts if isinstance(part, TextPart | RefusalPart)])
        logprobs = _legacy(answer.logprobs, 0, asked) if asked.sampling.logprobs and answer.logprobs else None
        stop = stop_record(answer.finish_reason, answer.stop_sequence)
        choices.append({"text": _echo(asked) + text, "index": index, "logprobs": logprobs, **stop})
    record = head_record("text_completion", _ID, completion, request, stopwatch) | {"choices": choices}
    counts = usage_record(completion.usage)
    return line_safe(orjson.dumps(record | {"usage": counts} if counts else record))


def _legacy(items: Sequence[Record], begin: int, request: TextRequest) -> Record:
    return legacy_logprobs(items, begin, with_top=bool(request.sampling.top_logprobs))


def _echo(request: TextRequest) -> str:
    """What the answer begins with before the model says anything."""
    return request.prompt if isinstance(request, AskedPrompt) and request.echoes else ""
