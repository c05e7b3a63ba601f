"""OpenAI's answers to chats: chunks while the model speaks, or one object when it is done. Pure.

A call's id and name come once, then its arguments as the model writes them. Clients put together what they are told twice, find calls by
`index`, and fail where `choices` is missing: so every chunk has the same members, and each thing is said once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from proxy.canonical.completion import Completion
from proxy.canonical.events import ChatEvent, Finished, PartClosed, PartDelta, PartKind, PartOpened, Started
from proxy.canonical.request import ReasoningPart, RefusalPart, TextPart, ToolCallPart
from proxy.dialect import Stopwatch, TextRequest
from proxy.dialects.openai.answering.choice_stream import ChoiceStream, head_record
from proxy.dialects.openai.answering.records import (
    Record,
    extra_content,
    logprob_records,
    shown_reasoning,
    stop_record,
    thinking_block,
    usage_record,
)
from proxy.dialects.openai.asking.wishes import AskedChat
from proxy.wire.ndjson import line_safe

_ID = "chatcmpl-"
_MEMBERS: dict[PartKind, bytes] = {"text": b'"content":', "reasoning": b'"reasoning_content":', "refusal": b'"refusal":'}
_QUIET = (b"", b"")


class ChatStreamRenderer(ChoiceStream):
    """Writes one stream of `/v1/chat/completions`."""

    object_name = "chat.completion.chunk"
    id_prefix = _ID

    def __init__(self, request: TextRequest, stopwatch: Stopwatch, choice: int | None = None) -> None:
        super().__init__(request, stopwatch, choice, wants_usage=isinstance(request, AskedChat) and request.wants_usage)
        self._speaks_functions = isinstance(request, AskedChat) and request.speaks_functions
        self._shown = shown_reasoning(request)
        self._around = _QUIET  # what stands before and after a fragment of the open part
        self._open: PartKind | None = None
        self._thoughts: list[str] = []
        self._calls = 0
        self._blocks = 0

    def render(self, events: Sequence[ChatEvent]) -> bytes:
        """The chunks for these events."""
        chunks: list[bytes] = []
        before, after = self._around
        for event in events:
            # Nearly all events are such deltas.
            if before and type(event) is PartDelta and not event.logprobs and self._open != "reasoning":
                if event.text:
                    chunks.append(before + orjson.dumps(event.text) + after)
            else:
                chunks.append(self._chunk(event))
                before, after = self._around
        return line_safe(b"".join(chunks))

    def _start(self, started: Started) -> bytes:
        self._begin_frame(started, b'"delta":{', b"}")
        return self._said({"role": "assistant", "content": ""})

    def _said(self, delta: Record) -> bytes:
        """A chunk that says `delta` and goes on."""
        return self.frame.before + orjson.dumps(delta)[1:-1] + self.frame.after

    def _begin_part(self, part: PartOpened) -> bytes:
        self._open = part.kind
        member = _MEMBERS.get(part.kind, b"")
        if part.kind == "tool_call":
            return self._begin_call(part)
        if part.kind == "reasoning":
            self._thoughts.clear()
            member = member if self._shown == "all" else b""
        self._around = (self.frame.before + member, self.frame.after) if member else _QUIET
        return b""

    def _begin_call(self, call: PartOpened) -> bytes:
        self._around = _QUIET
        if self._speaks_functions and self._calls:  # There is a place for one.
            self._open = None
            return b""
        before, after = self.frame.before, self.frame.after
        function = {"name": call.name, "arguments": ""}
        if self._speaks_functions:
            self._around = (before + b'"function_call":{"arguments":', b"}" + after)
            chunk = self._said({"function_call": function})
        else:
            place = b'"tool_calls":[{"index":%d,"function":{"arguments":' % self._calls
            self._around = (before + place, b"}}]" + after)
            chunk = self._said({"tool_calls": [{"index": self._calls, "id": call.id, "type": "function", "function": function}]})
        self._calls += 1
        return chunk

    def _delta(self, delta: PartDelta) -> bytes:
        before, after = self._around
        if not before:
            return b""
        if self._open == "reasoning":
            self._thoughts.append(delta.text)
        if delta.logprobs and self._open == "text" and self._request.sampling.logprobs:
            items = logprob_records(delta.logprobs, with_top=bool(self._request.sampling.top_logprobs))
            logprobs = orjson.dumps({"content": items, "refusal": None})
            return before + orjson.dumps(delta.text) + self.frame.after_with(logprobs)
        return before + orjson.dumps(delta.text) + after if delta.text else b""

    def _end_part(self, closed: PartClosed) -> bytes:
        kind, self._open, self._around = self._open, None, _QUIET
        if kind == "reasoning" and self._shown != "nothing":
            block = thinking_block("".join(self._thoughts), closed)
            if block is not None:
                self._blocks += 1
                return self._said({"thinking_blocks": [{"index": self._blocks - 1, **block}]})
        if kind == "tool_call" and closed.opaque and not self._speaks_functions:
            call = {"index": self._calls - 1, "function": {"arguments": ""}, **extra_content(closed)}
            return self._said({"tool_calls": [call]})
        return b""

    def _last(self, finished: Finished) -> bytes:
        reason = _finish_word(finished.finish_reason, speaks_functions=self._speaks_functions)
        return self.frame.last(stop_record(reason, finished.stop_sequence))


def render_chat(completion: Completion, request: TextRequest, stopwatch: Stopwatch) -> bytes:
    """The whole answer of `/v1/chat/completions`."""
    speaks_functions = isinstance(request, AskedChat) and request.speaks_functions
    choices: list[Record] = []
    for index, answer in enumerate((completion, *completion.others)):
        reason = _finish_word(answer.finish_reason, speaks_functions=speaks_functions)
        message = _message(answer, request, speaks_functions=speaks_functions)
        stop = stop_record(reason, answer.stop_sequence)
        choices.append({"index": index, "message": message, "logprobs": _logprobs(answer, request), **stop})
    record = head_record("chat.completion", _ID, completion, request, stopwatch) | {"choices": choices}
    counts = usage_record(completion.usage)
    return line_safe(orjson.dumps(record | {"usage": counts} if counts else record))


def _message(completion: Completion, request: TextRequest, *, speaks_functions: bool) -> Record:
    """What was said in one message, in the members that Chat Completions has for it."""
    texts = [part.text for part in completion.parts if isinstance(part, TextPart)]
    refusals = [part.text for part in completion.parts if isinstance(part, RefusalPart)]
    calls = [part for part in completion.parts if isinstance(part, ToolCallPart)]
    silent = not texts and (refusals or calls)
    message: Record = {"role": "assistant", "content": None if silent else "".join(texts), "refusal": "".join(refusals) or None}
    shown = shown_reasoning(request)
    if shown != "nothing":
        message |= _thoughts([part for part in completion.parts if isinstance(part, ReasoningPart)], with_texts=shown == "all")
    if calls and speaks_functions:
        message["function_call"] = _function(calls[0])
    elif calls:
        message["tool_calls"] = [{"id": call.id, "type": "function", "function": _function(call), **extra_content(call)} for call in calls]
    return message


def _thoughts(parts: Sequence[ReasoningPart], *, with_texts: bool) -> Record:
    text = "".join(part.text for part in parts) if with_texts else ""
    blocks = [block for part in parts if (block := thinking_block(part.text if with_texts else "", part)) is not None]
    record: Record = {"reasoning_content": text} if text else {}
    return record | {"thinking_blocks": blocks} if blocks else record


def _function(call: ToolCallPart) -> Record:
    return {"name": call.name, "arguments": call.arguments}


def _logprobs(completion: Completion, request: TextRequest) -> Record | None:
    if not request.sampling.logprobs or not completion.logprobs:
        return None
    return {"content": logprob_records(completion.logprobs, with_top=bool(request.sampling.top_logprobs)), "refusal": None}


def _finish_word(reason: Any, *, speaks_functions: bool) -> str:
    return "function_call" if reason == "tool_calls" and speaks_functions else str(reason)
