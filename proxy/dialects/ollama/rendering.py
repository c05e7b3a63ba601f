"""Ollama's answers to chat and generate: NDJSON lines while the model speaks, or one object when it is done.

Each fragment of text or thinking is a line of its own. A tool call is held until it is complete, for its arguments are an object. What to
make of arguments that are no object, the end says: cut off by the token limit or a filter the call is dropped, otherwise the answer failed.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.canonical.arguments import arguments_object, unreadable_arguments
from proxy.canonical.completion import CUT_OFF, Completion, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartKind, PartOpened, UsageSeen
from proxy.canonical.request import ChatRequest, ReasoningPart, ToolCallPart
from proxy.dialect import Stopwatch, TextRequest
from proxy.dialects.ollama.failures import error_line
from proxy.dialects.ollama.records import (
    CHAT,
    DONE_REASONS,
    GENERATE,
    Record,
    Shape,
    created_at,
    logprob_items,
    metrics,
    tool_call,
)
from proxy.errors import ProxyError
from proxy.wire.ndjson import line_safe

_LINE_END = b"}\n"


class LineRenderer:
    """Writes one stream; `shape` says for which endpoint. What never changes in a line is made once."""

    def __init__(self, shape: Shape, request: TextRequest, stopwatch: Stopwatch) -> None:
        self._shape = shape
        self._model = request.model
        self._stopwatch = stopwatch
        self._opening = b'{"model":' + orjson.dumps(request.model) + b',"created_at":"'
        self._shows_reasoning = _shows_reasoning(request)
        self._shows_logprobs = request.sampling.logprobs
        self._shows_top = bool(request.sampling.top_logprobs)
        self._before = self._after = b""  # what stands around a fragment of the open part; nothing where it is not written
        self._in_text = False
        self._call: PartOpened | None = None
        self._fragments: list[str] = []
        self._calls_written = 0
        self._unreadable: ProxyError | None = None
        self._usage = Usage()
        self._first_token_ns: int | None = None
        self.failure: ProxyError | None = None

    def render(self, events: Sequence[ChatEvent]) -> bytes:
        """The lines for these events; what is rendered together carries one time."""
        opening = self._opening + created_at(self._stopwatch.time_ns()).encode() + b'",'
        lines: list[bytes] = []
        begin, end = opening + self._before, self._after
        for event in events:
            # Nearly all events are such deltas: 0.8 us a record instead of 1.6.
            if end and type(event) is PartDelta and not event.logprobs:
                if event.text:
                    lines.append(begin + orjson.dumps(event.text) + end)
            else:
                lines.append(self._line(event, opening))
                begin, end = opening + self._before, self._after
        return line_safe(b"".join(lines))

    def _line(self, event: ChatEvent, opening: bytes) -> bytes:
        match event:
            case PartDelta():
                return self._delta(event, opening)
            case PartOpened():
                self._open(event)
            case PartClosed():
                return self._close(opening)
            case UsageSeen():
                self._usage = event.usage
            case KeepAlive():
                # Blank lines and comments break clients; a line without text is the only sign of life that all of them take.
                before, after = self._shape.text
                return opening + before + b'""' + after + _LINE_END
            case Failed():
                return error_line(event.error)
            case Finished():
                return self._finish(event)
        return b""

    def _open(self, part: PartOpened) -> None:
        if self._first_token_ns is None:
            self._first_token_ns = self._stopwatch.elapsed_ns()
        self._before, self._after = self._place_of(part.kind)
        self._in_text = part.kind == "text"
        if part.kind == "tool_call":
            self._call, self._fragments = part, []

    def _place_of(self, kind: PartKind) -> tuple[bytes, bytes]:
        if kind == "tool_call" or (kind == "reasoning" and not self._shows_reasoning):
            return b"", b""
        before, after = self._shape.thinking if kind == "reasoning" else self._shape.text
        return before, after + _LINE_END

    def _delta(self, delta: PartDelta, opening: bytes) -> bytes:
        if not self._after:
            if self._call is not None:
                self._fragments.append(delta.text)
            return b""
        after = self._after
        if delta.logprobs and self._shows_logprobs and self._in_text:
            items = orjson.dumps(logprob_items(delta.logprobs, self._shows_top))
            after = after.removesuffix(_LINE_END) + b',"logprobs":' + items + _LINE_END
        elif not delta.text:
            return b""
        return opening + self._before + orjson.dumps(delta.text) + after

    def _close(self, opening: bytes) -> bytes:
        call, self._call = self._call, None
        self._before = self._after = b""
        if call is None:
            return b""
        text = "".join(self._fragments)
        arguments = arguments_object(text)
        if arguments is None:
            self._unreadable = self._unreadable or unreadable_arguments(call.name, text)
            return b""
        record = tool_call(call.id, self._calls_written, call.name, arguments)
        self._calls_written += 1
        before, after = self._shape.tool_call
        return opening + before + orjson.dumps(record) + after + _LINE_END

    def _finish(self, finished: Finished) -> bytes:
        if self._unreadable and finished.finish_reason not in CUT_OFF:
            self.failure = self._unreadable
            return error_line(self.failure)
        content = self._shape.content("", {})
        ending = metrics(self._usage, self._stopwatch.elapsed_ns(), self._first_token_ns)
        return orjson.dumps(_last_record(self._model, self._stopwatch, content, DONE_REASONS[finished.finish_reason], ending)) + b"\n"


class ChatStreamRenderer(LineRenderer):
    """Writes the stream of `/api/chat`."""

    def __init__(self, request: TextRequest, stopwatch: Stopwatch) -> None:
        super().__init__(CHAT, request, stopwatch)


class GenerateStreamRenderer(LineRenderer):
    """Writes the stream of `/api/generate`. No text is in its last line: LangChain.js ignores `response` there."""

    def __init__(self, request: TextRequest, stopwatch: Stopwatch) -> None:
        super().__init__(GENERATE, request, stopwatch)


def render_chat(completion: Completion, request: TextRequest, stopwatch: Stopwatch) -> bytes:
    """The whole answer of `/api/chat`. Raises `UpstreamBroken` when a call's arguments are no JSON object."""
    return _render_whole(CHAT, completion, request, stopwatch)


def render_generate(completion: Completion, request: TextRequest, stopwatch: Stopwatch) -> bytes:
    """The whole answer of `/api/generate`. Raises as `render_chat`."""
    return _render_whole(GENERATE, completion, request, stopwatch)


def render_chat_loaded(request: TextRequest, stopwatch: Stopwatch, reason: str) -> bytes:
    """The answer of `/api/chat` to a request that only loads or unloads a model; `reason` says which. It has no metrics."""
    return _whole(_last_record(request.model, stopwatch, CHAT.content("", {}), reason, {}))


def render_generate_loaded(request: TextRequest, stopwatch: Stopwatch, reason: str) -> bytes:
    """The answer of `/api/generate` to a request that only loads or unloads a model."""
    return _whole(_last_record(request.model, stopwatch, GENERATE.content("", {}), reason, {}))


def _render_whole(shape: Shape, completion: Completion, request: TextRequest, stopwatch: Stopwatch) -> bytes:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[Record] = []
    for part in completion.parts:
        match part:
            case ToolCallPart():
                arguments = arguments_object(part.arguments)
                if arguments is not None:
                    calls.append(tool_call(part.id, len(calls), part.name, arguments))
                elif completion.finish_reason not in CUT_OFF:
                    raise unreadable_arguments(part.name, part.arguments)
            case ReasoningPart():
                thoughts.append(part.text)
            case _:
                texts.append(part.text)
    more: Record = {}
    if _shows_reasoning(request) and any(thoughts):
        more["thinking"] = "".join(thoughts)
    if calls:
        more["tool_calls"] = calls
    ending = metrics(completion.usage, stopwatch.elapsed_ns(), None)
    if request.sampling.logprobs and completion.logprobs:
        ending["logprobs"] = logprob_items(completion.logprobs, bool(request.sampling.top_logprobs))
    return _whole(
        _last_record(request.model, stopwatch, shape.content("".join(texts), more), DONE_REASONS[completion.finish_reason], ending)
    )


def _last_record(model: str, stopwatch: Stopwatch, content: Record, done_reason: str, ending: Record) -> Record:
    now = created_at(stopwatch.time_ns())
    return {"model": model, "created_at": now, **content, "done": True, "done_reason": done_reason, **ending}


def _whole(record: Record) -> bytes:
    return line_safe(orjson.dumps(record))


def _shows_reasoning(request: TextRequest) -> bool:
    """Whether thinking may be shown: not after `think: false`, for some models think all the same."""
    return not (isinstance(request, ChatRequest) and request.reasoning == "off")
