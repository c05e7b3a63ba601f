"""Events <-> the answer as a whole. A unary answer is the fold of the stream, so both can never disagree. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from proxy.canonical.completion import Completion, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.held_text import HeldText
from proxy.canonical.request import ReasoningPart, RefusalPart, TextPart, ToolCallPart
from proxy.errors import UpstreamBroken

AnswerPart = TextPart | ReasoningPart | RefusalPart | ToolCallPart


def collect(events: Iterable[ChatEvent]) -> Completion:
    """The answer that `events` tell of. Parts in which nothing was said are left out.

    Raises:
        ProxyError: the error of a `Failed`.
        UpstreamBroken: the events stop before `Finished`.
    """
    started, usage, parts = Started(""), Usage(), _Parts()
    for event in events:
        match event:
            case Started():
                started = event
            case UsageSeen():
                usage = event.usage
            case Failed():
                raise event.error
            case Finished():
                return Completion(
                    id=started.id,
                    model=started.model,
                    created=started.created,
                    parts=tuple(parts.closed),
                    finish_reason=event.finish_reason,
                    raw_reason=event.raw_reason,
                    stop_sequence=event.stop_sequence,
                    usage=usage,
                    logprobs=tuple(parts.logprobs),
                    stand_in=started.stand_in,
                )
            case PartOpened() | PartDelta() | PartClosed():
                parts.take(event)
    raise UpstreamBroken("the upstream's answer ended before it was complete")


class _Parts:
    """The parts of an answer in the making."""

    def __init__(self) -> None:
        self.closed: list[AnswerPart] = []
        self.logprobs: list[dict[str, Any]] = []
        self._open = PartOpened("text")
        self._texts: list[str] = []

    def take(self, event: PartOpened | PartDelta | PartClosed) -> None:
        match event:
            case PartDelta():
                self._texts.append(event.text)
                if event.logprobs and self._open.kind == "text":
                    self.logprobs += event.logprobs
            case PartOpened():
                self._open = event
                self._texts.clear()
            case PartClosed():
                text = "".join(self._texts)
                if text or event.opaque or self._open.kind == "tool_call":
                    self.closed.append(_part(self._open, text, event))


def _part(opened: PartOpened, text: str, closed: PartClosed) -> AnswerPart:
    match opened.kind:
        case "text":
            return TextPart(text)
        case "reasoning":
            return ReasoningPart(text, closed.opaque, closed.origin, closed.redacted)
        case "refusal":
            return RefusalPart(text)
        case "tool_call":
            return ToolCallPart(opened.id, opened.name, text, closed.opaque, closed.origin)


def completion_events(completion: Completion) -> list[ChatEvent]:
    """The events of a whole answer, one delta per part: `collect` turns them back into `completion`."""
    events: list[ChatEvent] = [Started(completion.id, completion.model, completion.created, completion.stand_in)]
    for part, delta in zip(completion.parts, _deltas(completion), strict=True):
        events += (_opening(part), delta, _closing(part))
    if completion.usage != Usage():
        events.append(UsageSeen(completion.usage))
    events.append(Finished(completion.finish_reason, completion.raw_reason, completion.stop_sequence))
    return events


def _opening(part: AnswerPart) -> PartOpened:
    match part:
        case TextPart():
            return PartOpened("text")
        case ReasoningPart():
            return PartOpened("reasoning")
        case RefusalPart():
            return PartOpened("refusal")
        case ToolCallPart():
            return PartOpened("tool_call", part.id, part.name)


def _closing(part: AnswerPart) -> PartClosed:
    match part:
        case ReasoningPart():
            return PartClosed(part.opaque, part.origin, part.redacted)
        case ToolCallPart():
            return PartClosed(part.opaque, part.origin)
        case _:
            return PartClosed()


def _deltas(completion: Completion) -> list[PartDelta]:
    """One delta per part. The answer's log probabilities are shared out among its text parts."""
    held = HeldText()
    texts = [part.text for part in completion.parts if isinstance(part, TextPart)]
    if texts:
        held.append(PartDelta("".join(texts), completion.logprobs))
    return [
        held.take(len(part.text))
        if isinstance(part, TextPart)
        else PartDelta(part.arguments if isinstance(part, ToolCallPart) else part.text)
        for part in completion.parts
    ]
