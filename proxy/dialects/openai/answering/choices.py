"""OpenAI's stream of several answers: chunks of all under the id of the first, each with its own `index`; one count, and one end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, OfChoice, Started, UsageSeen
from proxy.dialect import Stopwatch, TextRequest
from proxy.dialects.openai.answering.chat import ChatStreamRenderer
from proxy.dialects.openai.answering.chunks import DONE, Frame, error_record
from proxy.dialects.openai.answering.completions import CompletionStreamRenderer
from proxy.dialects.openai.answering.records import created_s, usage_record
from proxy.dialects.openai.beginning import KEEP_ALIVE
from proxy.errors import ProxyError


class ChoiceRenderer(Protocol):
    """Writes the chunks of one choice.

    Attributes:
        frame: what stands around them, once it has started.
        wants_usage: whether the stream shall end with token counts.
    """

    frame: Frame
    wants_usage: bool

    def render(self, events: Sequence[ChatEvent]) -> bytes:
        """The chunks for these events."""


class ChoicesStreamRenderer:
    """Writes one stream of several answers.

    Args:
        renderer_of: makes the renderer of a choice, from its request, the stopwatch and its index.
    """

    def __init__(
        self, renderer_of: Callable[[TextRequest, Stopwatch, int], ChoiceRenderer], request: TextRequest, stopwatch: Stopwatch
    ) -> None:
        requests = (request, *request.others)
        self._choices = [renderer_of(each, stopwatch, choice) for choice, each in enumerate(requests)]
        self._stopwatch = stopwatch
        self._is_started = False
        self._usage = Usage()
        self.failure: ProxyError | None = None

    def render(self, events: Sequence[ChatEvent]) -> bytes:
        """The chunks for these events."""
        return b"".join(map(self._chunks, events))

    def _chunks(self, event: ChatEvent) -> bytes:
        match event:
            case OfChoice():
                return self._of_choice(event)
            case UsageSeen():
                self._usage = event.usage
            case KeepAlive():
                return KEEP_ALIVE
            case Failed():
                return error_record(event.error) + DONE
            case Finished():
                return self._counted() + DONE
        return b""

    def _of_choice(self, told: OfChoice) -> bytes:
        """What it says, behind the beginnings of all choices: OpenAI's own helper finds a choice by how many began before it."""
        begin, events = b"", list[ChatEvent]()
        for event in told.events:
            if not isinstance(event, Started):
                events.append(event)
            elif not self._is_started:
                begin = self._start(event)
        return begin + self._choices[told.choice].render(events)

    def _start(self, first: Started) -> bytes:
        self._is_started = True
        start = replace(first, created=created_s(first.created, self._stopwatch))
        return b"".join([choice.render([start]) for choice in self._choices])

    def _counted(self) -> bytes:
        first = self._choices[0]
        counts = usage_record(self._usage) if first.wants_usage else None
        return first.frame.counted(counts) if counts else b""


chat_choices_renderer = partial(ChoicesStreamRenderer, ChatStreamRenderer)
completion_choices_renderer = partial(ChoicesStreamRenderer, CompletionStreamRenderer)
