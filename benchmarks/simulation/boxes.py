"""A model server as far as choice matters: it reads what it does not remember of a prompt, writes at its pace, and lets others wait."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.simulation.loads import SYSTEM_TOKENS

READ_TOKENS_PER_S = 1200.0
WRITTEN_TOKENS_PER_S = 40.0
REMEMBERED_TOKENS = 100_000


@dataclass(slots=True, eq=False)
class Request:
    """One turn on its way.

    Attributes:
        prompt: tokens of the whole prompt, earlier turns included; `answer` those of its answer.
        asked_s: when it came.
        remembered: how many tokens of the prompt the box did not have to read.
        first_token_s: how long it took from `asked_s` until the prompt was read.
    """

    conversation: int
    application: int
    prompt: int
    answer: int
    asked_s: float
    remembered: int = 0
    first_token_s: float = 0.0


class Memory:
    """The prefixes that a box remembers, up to so many tokens. Those that were not used for longest go first."""

    def __init__(self) -> None:
        self._room = REMEMBERED_TOKENS
        self._prefixes: OrderedDict[tuple[str, int], int] = OrderedDict()

    def known_of(self, request: Request) -> int:
        """How many tokens of the request's prompt need not be read. The last one always is."""
        known = 0
        for name in (("application", request.application), ("conversation", request.conversation)):
            if name in self._prefixes:
                self._prefixes.move_to_end(name)
                known = max(known, self._prefixes[name])
        return min(known, request.prompt - 1)

    def keep(self, request: Request) -> None:
        """Remembers a prompt and its answer."""
        self._put(("application", request.application), SYSTEM_TOKENS)
        self._put(("conversation", request.conversation), request.prompt + request.answer)

    def _put(self, name: tuple[str, int], tokens: int) -> None:
        self._room += self._prefixes.pop(name, 0) - tokens
        self._prefixes[name] = tokens
        while self._room < 0:
            self._room += self._prefixes.popitem(last=False)[1]


@dataclass(slots=True, eq=False)
class Box:
    """One replica: `slots` requests at a time, each at the same pace. `slowness` divides the pace."""

    id: str
    slots: int
    slowness: float = 1.0
    memory: Memory = field(default_factory=Memory)
    waiting: deque[tuple[Request, Callable[[], None]]] = field(default_factory=deque)
    busy: int = 0
    worked_s: float = 0.0

    def begin(self, request: Request, now_s: float) -> float:
        """Takes a request into a slot; returns when it will be done."""
        self.busy += 1
        request.remembered = self.memory.known_of(request)
        reading_s = (request.prompt - request.remembered) / READ_TOKENS_PER_S * self.slowness
        writing_s = request.answer / WRITTEN_TOKENS_PER_S * self.slowness
        request.first_token_s = now_s + reading_s - request.asked_s
        self.worked_s += reading_s + writing_s
        return now_s + reading_s + writing_s

    def end(self, request: Request) -> None:
        """Lets a request go that is done."""
        self.busy -= 1
        self.memory.keep(request)
