"""One run: conversations come, a policy sends each turn to a box, the box answers."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.simulation.boxes import Box, Memory, Request
from benchmarks.simulation.loads import SYSTEM_TOKENS, Conversation, Load
from proxy.upstream.choice import Choice


@dataclass(slots=True, eq=False)
class View:
    """A box as one worker of the gateway sees it: with the requests that this worker sent."""

    box: Box
    in_flight: int = 0
    weight: float = 1.0

    @property
    def id(self) -> str:
        """The box's."""
        return self.box.id


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker of the gateway."""

    choice: Choice
    views: Sequence[View]


@dataclass(frozen=True, slots=True)
class Absence:
    """A time in which the first box gets no new requests. What it remembered is lost."""

    from_s: float
    to_s: float


class World:
    """Time, and what is in it.

    Attributes:
        requests: those that were answered, in the order of their answers.
    """

    def __init__(self, boxes: Sequence[Box], workers: Sequence[Worker], chance: random.Random, absence: Absence | None = None) -> None:
        self.requests: list[Request] = []
        self._boxes = boxes
        self._workers = workers
        self._chance = chance
        self._absence = absence
        self._now_s = 0.0
        self._until_s = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def run(self, load: Load, seed: int, until_s: float) -> None:
        """Lets people ask until then, and waits until all are answered."""
        self._until_s = until_s
        for at_s, conversation in load.arrivals(seed, until_s):
            self._at(at_s, partial(self._ask, conversation, 0, SYSTEM_TOKENS))
        if self._absence is not None:
            self._at(self._absence.to_s, self._restart_the_first)
        while self._events:
            self._now_s, _, happen = heapq.heappop(self._events)
            happen()

    def _at(self, at_s: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._numbers), happen))

    def _ask(self, conversation: Conversation, number: int, history: int) -> None:
        if self._now_s > self._until_s:
            return
        turn = conversation.turns[number]
        worker = self._workers[self._chance.randrange(len(self._workers))]
        view = worker.choice.choose(self._present(worker.views), conversation.key)
        view.in_flight += 1
        request = Request(conversation.name, conversation.application, history + turn.told, turn.answered, self._now_s)

        def done() -> None:
            view.in_flight -= 1
            self.requests.append(request)
            self._free_a_slot(view.box, request)
            if number + 1 < len(conversation.turns):
                self._at(self._now_s + turn.thought_s, lambda: self._ask(conversation, number + 1, request.prompt + request.answer))

        self._bring(view.box, request, done)

    def _present(self, views: Sequence[View]) -> Sequence[View]:
        absence = self._absence
        return views[1:] if absence is not None and absence.from_s <= self._now_s < absence.to_s else views

    def _bring(self, box: Box, request: Request, done: Callable[[], None]) -> None:
        if box.busy < box.slots:
            self._at(box.begin(request, self._now_s), done)
        else:
            box.waiting.append((request, done))

    def _free_a_slot(self, box: Box, request: Request) -> None:
        box.end(request)
        if box.waiting:
            self._bring(box, *box.waiting.popleft())

    def _restart_the_first(self) -> None:
        self._boxes[0].memory = Memory()
