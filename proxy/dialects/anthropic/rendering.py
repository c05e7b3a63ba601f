"""Anthropic's answers to `/v1/messages`: events while the model speaks, or one message when it is done. Pure.

A block is opened by the first thing that is said in it, and closed before the next: clients put what they read into the blocks by their
number. Arguments of calls are handed on while the model writes them; when they turn out to be no JSON object, the end says what that
means: cut off by the token limit or a filter they are what they are, otherwise the answer failed.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.canonical.arguments import arguments_object, unreadable_arguments
from proxy.canonical.completion import CUT_OFF, Completion, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartKind, PartOpened, Started, UsageSeen
from proxy.canonical.fold import AnswerPart
from proxy.canonical.request import ChatRequest, ReasoningPart, RefusalPart, ToolCallPart
from proxy.dialect import Stopwatch, TextRequest
from proxy.dialects.anthropic.failures import error_event
from proxy.dialects.anthropic.records import (
    Record,
    message_id,
    message_record,
    redacted_block,
    state_word,
    stop_record,
    text_block,
    thinking_block,
    tool_use_block,
    usage_record,
)
from proxy.dialects.anthropic.sse_records import PING, block_start, block_stop, delta_frame, event
from proxy.dialects.anthropic.token_estimate import with_estimates
from proxy.errors import ProxyError
from proxy.wire.ndjson import line_safe

_STOP = event("message_stop", {"type": "message_stop"})
# The delta of each kind of part, and the member that holds its text.
_DELTAS: dict[PartKind, tuple[str, str]] = {
    "text": ("text_delta", "text"),
    "refusal": ("text_delta", "text"),
    "reasoning": ("thinking_delta", "thinking"),
    "tool_call": ("input_json_delta", "partial_json"),
}


class MessageStreamRenderer:
    """Writes one stream. It begins with the answer's first words, so that what the upstream counts before them can be told."""

    def __init__(self, request: TextRequest, _stopwatch: Stopwatch) -> None:
        self._model = request.model
        self._shown = shown_reasoning(request)
        self._id = ""
        self._begun = False
        self._index = 0
        self._part = PartOpened("text")
        self._before = self._after = b""  # what stands around a delta of the open block; nothing while none is open
        self._arguments: list[str] = []
        self._unreadable: ProxyError | None = None
        self._refused = False
        self._usage = Usage()
        # All that the model wrote, where its upstream may be left at a stop sequence before it tells what that cost.
        self._said: list[str] | None = [] if request.sampling.stop else None
        self._request = request
        self.failure: ProxyError | None = None

    def render(self, events: Sequence[ChatEvent]) -> bytes:
        """The events for these events."""
        pieces: list[bytes] = []
        for each in events:
            # Nearly all events are such deltas.
            if self._before and type(each) is PartDelta:
                if each.text:
                    pieces.append(self._delta(each.text))
            else:
                self._take(each, pieces)
        return line_safe(b"".join(pieces))

    def _take(self, step: ChatEvent, pieces: list[bytes]) -> None:
        match step:
            case Started():
                self._id, self._model = message_id(step.id), step.stand_in or self._model
            case PartOpened():
                self._open(step, pieces)
            case PartDelta():
                self._take_delta(step.text, pieces)
            case PartClosed():
                self._close(step, pieces)
            case UsageSeen():
                self._usage = step.usage
            case KeepAlive():
                # Before an upstream answers, nobody knows whose answer it will be, and what its id is.
                if self._id:
                    self._begin(pieces)
                pieces.append(PING)
            case Failed():
                pieces.append(error_event(step.error))
            case Finished():
                self._finish(step, pieces)

    def _take_delta(self, text: str, pieces: list[bytes]) -> None:
        """Opens the block of the text, unless that is of hidden thoughts."""
        if text and (self._part.kind != "reasoning" or self._shown == "all"):
            self._start_block(pieces)
            pieces.append(self._delta(text))
        elif self._said is not None:
            self._said.append(text)

    def _begin(self, pieces: list[bytes]) -> None:
        """Says that there is a message, once."""
        if not self._begun:
            self._begun = True
            message = message_record(self._id, self._model, [], self._usage)
            pieces.append(event("message_start", {"type": "message_start", "message": message}))

    def _open(self, part: PartOpened, pieces: list[bytes]) -> None:
        self._part = part
        if part.kind == "tool_call":
            self._arguments = []
            self._start_block(pieces)

    def _start_block(self, pieces: list[bytes]) -> None:
        self._begin(pieces)
        part = self._part
        self._refused = self._refused or part.kind == "refusal"
        pieces.append(block_start(self._index, _empty_block(part)))
        self._before, self._after = delta_frame(self._index, *_DELTAS[part.kind])

    def _delta(self, text: str) -> bytes:
        if self._part.kind == "tool_call":
            self._arguments.append(text)
        if self._said is not None:
            self._said.append(text)
        return self._before + orjson.dumps(text) + self._after

    def _close(self, closed: PartClosed, pieces: list[bytes]) -> None:
        part = self._part
        if part.kind == "reasoning":
            self._close_reasoning(closed, pieces)
        elif part.kind == "tool_call":
            arguments = "".join(self._arguments)
            if arguments_object(arguments) is None:
                self._unreadable = self._unreadable or unreadable_arguments(part.name, arguments)
        if self._before:
            self._stop_block(pieces)

    def _close_reasoning(self, closed: PartClosed, pieces: list[bytes]) -> None:
        """Writes what must come back with the thoughts. Where their text is hidden, that alone is left of them."""
        if not closed.opaque or self._shown == "nothing":
            return
        word = state_word(closed.opaque, closed.origin, redacted=closed.redacted)
        if closed.redacted:
            if self._before:
                self._stop_block(pieces)
            self._begin(pieces)
            pieces += (block_start(self._index, redacted_block(word)), block_stop(self._index))
            self._index += 1
            return
        if not self._before:
            self._start_block(pieces)
        before, after = delta_frame(self._index, "signature_delta", "signature")
        pieces.append(before + orjson.dumps(word) + after)

    def _stop_block(self, pieces: list[bytes]) -> None:
        pieces.append(block_stop(self._index))
        self._index += 1
        self._before = self._after = b""

    def _finish(self, finished: Finished, pieces: list[bytes]) -> None:
        if self._unreadable and finished.finish_reason not in CUT_OFF:
            self.failure = self._unreadable
            pieces.append(error_event(self.failure))
            return
        self._begin(pieces)
        stop = stop_record(finished.finish_reason, finished.raw_reason, finished.stop_sequence, refused=self._refused)
        usage = self._usage
        if finished.stop_sequence:
            usage = with_estimates(usage, self._request, "".join((*(self._said or ()), finished.stop_sequence)))
        pieces += (event("message_delta", {"type": "message_delta", "delta": stop, "usage": usage_record(usage)}), _STOP)


def render_message(completion: Completion, request: TextRequest, stopwatch: Stopwatch) -> bytes:
    """The whole message. Raises `UpstreamBroken` when a call's arguments are no JSON object, unless they were cut off."""
    shown = shown_reasoning(request)
    content: list[Record] = []
    for part in completion.parts:
        match part:
            case ToolCallPart():
                arguments = arguments_object(part.arguments)
                if arguments is not None:
                    content.append(tool_use_block(part.id, part.name, arguments))
                elif completion.finish_reason not in CUT_OFF:
                    raise unreadable_arguments(part.name, part.arguments)
            case ReasoningPart():
                content += _reasoning_blocks(part, shown)
            case _:
                content.append(text_block(part.text))
    refused = any(isinstance(part, RefusalPart) for part in completion.parts)
    stop = stop_record(completion.finish_reason, completion.raw_reason, completion.stop_sequence, refused=refused)
    usage = completion.usage
    if completion.stop_sequence:
        usage = with_estimates(usage, request, "".join((*map(_written, completion.parts), completion.stop_sequence)))
    model = completion.stand_in or request.model
    return orjson.dumps(message_record(message_id(completion.id), model, content, usage, stop))


def render_remembered(request: TextRequest, stopwatch: Stopwatch) -> bytes | None:
    """The answer to a request for no tokens at all, which only fills Anthropic's cache; `None` for all others. Nobody has to be asked.

    Source: `max_tokens` in `types/message_create_params.py` of the SDK.
    """
    if request.sampling.max_tokens != 0:
        return None
    stop = stop_record("length", "", "", refused=False)
    return orjson.dumps(message_record(f"msg_{stopwatch.time_ns():x}", request.model, [], Usage(), stop))


def shown_reasoning(request: TextRequest) -> str:
    """What a client gets of thoughts, for some models think in any case: `all`, only the `state` that must come back, or `nothing`."""
    if not isinstance(request, ChatRequest):
        return "all"
    if request.reasoning == "off":
        return "nothing"
    return "state" if request.hides_reasoning else "all"


def _written(part: AnswerPart) -> str:
    """What the model wrote of a part."""
    return part.arguments if isinstance(part, ToolCallPart) else part.text


def _empty_block(part: PartOpened) -> Record:
    match part.kind:
        case "tool_call":
            return tool_use_block(part.id, part.name)
        case "reasoning":
            return thinking_block("")
        case _:
            return text_block("")


def _reasoning_blocks(part: ReasoningPart, shown: str) -> list[Record]:
    text = part.text if shown == "all" else ""
    word = "" if shown == "nothing" else state_word(part.opaque, part.origin, redacted=part.redacted)
    if part.redacted and word:
        return [*([thinking_block(text)] if text else []), redacted_block(word)]
    return [thinking_block(text, word)] if text or word else []
