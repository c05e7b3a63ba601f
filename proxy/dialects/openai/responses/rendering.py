"""The answers of `/v1/responses`: events while the model speaks, or the object that they end with. Pure.

A response consists of items, and a message of parts. Texts that follow on each other are parts of one message. Whether an item is complete
can be told only when the next one begins, or the model has said why it stopped: until then the last one stays open. State of thoughts of
which nothing can be read is no beginning: it comes behind what was cut off, too, and waits until that has ended. A call whose arguments are
an object is complete however the answer ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.canonical.arguments import arguments_object
from proxy.canonical.completion import Completion, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartKind, PartOpened, Started, UsageSeen
from proxy.canonical.fold import completion_events
from proxy.dialect import Stopwatch, TextRequest
from proxy.dialects.openai.answering.records import answer_id, created_s, logprob_records, shown_reasoning
from proxy.dialects.openai.beginning import KEEP_ALIVE
from proxy.dialects.openai.responses.asking import AskedResponse
from proxy.dialects.openai.responses.records import (
    ITEM_OF_PART,
    Record,
    error_event,
    failed_error,
    item_record,
    refusal_record,
    response_record,
    state_of,
    summary_record,
    text_record,
    usage_record,
)
from proxy.errors import ProxyError
from proxy.wire.exact_json import dumps_exact
from proxy.wire.ndjson import line_safe

_DELTAS: dict[PartKind, str] = {
    "text": "response.output_text.delta",
    "refusal": "response.refusal.delta",
    "reasoning": "response.reasoning_summary_text.delta",
    "tool_call": "response.function_call_arguments.delta",
}
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponseStreamRenderer:
    """Writes one stream of `/v1/responses`.

    Attributes:
        response: the response so far.
    """

    def __init__(self, request: TextRequest, stopwatch: Stopwatch) -> None:
        self._request = request
        self._spaced = request.spaced if isinstance(request, AskedResponse) else {}
        self._stopwatch = stopwatch
        self._shown = shown_reasoning(request)
        self._sequence = 0
        self._item: Record | None = None
        self._part: PartKind | None = None  # what is being said, `None` also where it is not shown
        self._is_wordless = False  # whether thoughts have begun of which there is no word yet
        self._states: list[Record] = []  # what must come back, and waits until the open item has ended
        self._place: Record = {}  # where it stands
        self._around = (b"", b"")  # what stands before and after a fragment of it
        self._texts: list[str] = []
        self._logprobs: list[Record] = []
        self._usage = Usage()
        self.response: Record = {}
        self.failure: ProxyError | None = None

    def render(self, events: Sequence[ChatEvent]) -> bytes:
        """The records for these events."""
        return line_safe(b"".join(map(self._records, events)))

    def _records(self, event: ChatEvent) -> bytes:
        match event:
            case PartDelta():
                return self._delta(event) if self._part else self._begin_thoughts(event)
            case PartOpened():
                return self._open(event)
            case PartClosed():
                return self._close(event) if self._part else self._tell_state(event)
            case UsageSeen():
                self._usage = event.usage
            case Started():
                return self._start(event)
            case KeepAlive():
                return KEEP_ALIVE
            case Failed():
                return self._fail(event.error)
            case Finished():
                return self._finish(event)
        return b""

    def _event(self, kind: str, members: Record) -> bytes:
        numbered = {"type": kind, "sequence_number": self._sequence, **members}
        self._sequence += 1
        return b"event: " + kind.encode() + b"\ndata: " + dumps_exact(numbered) + b"\n\n"

    def _start(self, started: Started) -> bytes:
        created_at = created_s(started.created, self._stopwatch)
        model = started.stand_in or self._request.model
        self.response = response_record(self._request, answer_id(started.id, "resp_"), created_at, model)
        about = {"response": self.response}
        return self._event("response.created", about) + self._event("response.in_progress", about)

    def _open(self, part: PartOpened) -> bytes:
        if part.kind == "reasoning":
            self._is_wordless = True
            return b""
        item, opened = self._item, b""
        if item is None or item["type"] != "message" or ITEM_OF_PART[part.kind] != "message":
            item, opened = self._begin_item(part)
        return opened + self._begin(part.kind, item)

    def _begin_thoughts(self, delta: PartDelta) -> bytes:
        """The first word of thoughts, if they are shown."""
        if not self._is_wordless or not delta.text:
            return b""
        self._is_wordless = False
        if self._shown != "all":
            return b""
        item, opened = self._begin_item(PartOpened("reasoning"))
        return opened + self._begin("reasoning", item) + self._delta(delta)

    def _begin_item(self, part: PartOpened) -> tuple[Record, bytes]:
        ended = self._end_item("completed")
        self._item = item = item_record(part, self.response["id"], len(self.response["output"]), self._spaced)
        return item, ended + self._item_added(item)

    def _begin(self, kind: PartKind, item: Record) -> bytes:
        """Begins what `item` says next; a summary begins with its first word, for there may be none."""
        self._part = kind
        self._texts, self._logprobs = [], []
        self._place = {"item_id": item["id"], "output_index": len(self.response["output"])}
        opened = b""
        if kind == "reasoning":
            self._place["summary_index"] = 0
        elif kind != "tool_call":
            self._place["content_index"] = len(item["content"])
            part = text_record("", []) if kind == "text" else refusal_record("")
            opened = self._event("response.content_part.added", {**self._place, "part": part})
        name = _DELTAS[kind]
        members = orjson.dumps({"type": name, **self._place})[:-1]
        self._around = (
            b"event: " + name.encode() + b"\ndata: " + members + b',"delta":',
            b',"logprobs":[],"sequence_number":%d}\n\n' if kind == "text" else b',"sequence_number":%d}\n\n',
        )
        return opened

    def _delta(self, delta: PartDelta) -> bytes:
        if not delta.text and not delta.logprobs:
            return b""
        opened = b""
        if self._part == "reasoning" and not self._texts:
            opened = self._event("response.reasoning_summary_part.added", {**self._place, "part": summary_record("")})
        self._texts.append(delta.text)
        if delta.logprobs and self._part == "text" and self._request.sampling.logprobs:
            items = logprob_records(delta.logprobs, with_top=bool(self._request.sampling.top_logprobs))
            self._logprobs += items
            return opened + self._event(_DELTAS["text"], {**self._place, "delta": delta.text, "logprobs": items})
        before, after = self._around
        record = before + orjson.dumps(delta.text) + after % self._sequence
        self._sequence += 1
        return opened + record

    def _close(self, closed: PartClosed) -> bytes:
        kind, self._part = self._part, None
        text, item, place = "".join(self._texts), self._item, self._place
        if kind is None or item is None:
            return b""
        item |= state_of(closed, kind)
        if kind == "tool_call":
            item["arguments"] = text
            return b""
        if kind == "reasoning":
            if not text:
                return b""
            item["summary"] = [summary_record(text)]
            done = self._event("response.reasoning_summary_text.done", {**place, "text": text})
            return done + self._event("response.reasoning_summary_part.done", {**place, "part": summary_record(text)})
        part = text_record(text, self._logprobs) if kind == "text" else refusal_record(text)
        item["content"] = [*item["content"], part]
        if kind == "text":
            done = self._event("response.output_text.done", {**place, "text": text, "logprobs": self._logprobs})
        else:
            done = self._event("response.refusal.done", {**place, "refusal": text})
        return done + self._event("response.content_part.done", {**place, "part": part})

    def _tell_state(self, closed: PartClosed) -> bytes:
        """What must come back with thoughts that are not shown. Those that had words have ended what came before them."""
        is_wordless, self._is_wordless = self._is_wordless, False
        if not closed.opaque or self._shown == "nothing":
            return b""
        ended = b"" if is_wordless else self._end_item("completed")
        self._states.append(state_of(closed, "reasoning"))
        return ended if self._item else ended + self._end_item("completed")

    def _end_item(self, status: str) -> bytes:
        """Ends the item that is open, and tells what waited for that."""
        item, self._item = self._item, None
        told = [self._item_done(item, status)] if item else []
        for state in self._states:
            item = item_record(PartOpened("reasoning"), self.response["id"], len(self.response["output"]), self._spaced) | state
            told += self._item_added(item), self._item_done(item, status)
        self._states.clear()
        return b"".join(told)

    def _item_added(self, item: Record) -> bytes:
        return self._event("response.output_item.added", {"output_index": len(self.response["output"]), "item": item})

    def _item_done(self, item: Record, status: str) -> bytes:
        """A call that was cut off has no arguments that are done."""
        done = b""
        place: Record = {"output_index": len(self.response["output"])}
        if item["type"] == "function_call" and (status == "completed" or _is_object(item["arguments"])):
            status = "completed"
            members = {"item_id": item["id"], **place, "name": item["name"], "arguments": item["arguments"]}
            done = self._event("response.function_call_arguments.done", members)
        if "status" in item:
            item["status"] = status
        self.response["output"].append(item)
        return done + self._event("response.output_item.done", {**place, "item": item})

    def _finish(self, finished: Finished) -> bytes:
        why = _INCOMPLETE.get(finished.finish_reason)
        status = "incomplete" if why else "completed"
        ended = self._end_item(status)
        self.response |= {"status": status, "usage": usage_record(self._usage)}
        if why:
            self.response["incomplete_details"] = {"reason": why}
        else:
            self.response["completed_at"] = self._stopwatch.time_ns() // 1_000_000_000
        return ended + self._event(f"response.{status}", {"response": self.response})

    def _fail(self, error: ProxyError) -> bytes:
        """Tells clients that look at the response, and those that raise at an error. Before a response has begun, there is none to fail."""
        failed = b""
        if self.response:
            self.response |= {"status": "failed", "error": failed_error(error), "usage": usage_record(self._usage)}
            failed = self._event("response.failed", {"response": self.response})
        event = error_event(error, self._sequence, is_translated=True)
        return failed + self._event(event.pop("type"), event)


def render_response(completion: Completion, request: TextRequest, stopwatch: Stopwatch) -> bytes:
    """The whole answer of `/v1/responses`: what its stream would have ended with."""
    renderer = ResponseStreamRenderer(request, stopwatch)
    renderer.render(completion_events(completion))
    return line_safe(dumps_exact(renderer.response))


def _is_object(arguments: str) -> bool:
    """Whether nothing can be missing of the arguments."""
    return bool(arguments.strip()) and arguments_object(arguments) is not None
