"""`Topic`: one kind of thing that workers tell each other. A round with Redis asks all topics what to send, and hands them the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from redis.exceptions import ResponseError

# What nobody has changed for so long is forgotten by Redis.
KEPT_S = 2 * 3600
# Names of models come from clients, and there is no end of them; while Redis is away, nothing is told.
MOST_UNTOLD = 1024


@dataclass(frozen=True, slots=True)
class Round:
    """One exchange with Redis.

    Attributes:
        client: for the few questions that depend on answers.
        pipe: gathers all others, which are sent together.
        now_s: when it began, by our clock.
        ahead_s: what must be added to our clock to have Redis's, which is the one time for all.
        is_first: whether nothing was heard of Redis before, or it was away: it may have forgotten all. In such a round, nothing is told.
    """

    client: Any
    pipe: Any
    now_s: float
    ahead_s: float
    is_first: bool


class Topic(Protocol):
    """Rounds come one after the other, each as `ask` and `learn`; where Redis fails between them, `learn` does not come."""

    def ask(self, this: Round) -> bool:
        """Puts into the pipe what there is to tell and to ask. Whether others should hear of it at once."""

    def learn(self, this: Round, answers: Iterator[Any]) -> bool:
        """Takes the answers of the pipe, in their order. Whether there is something more to tell, at once."""

    def lost(self) -> None:
        """Redis is away."""

    def kept_keys(self) -> Iterable[str]:
        """What it keeps in Redis, as far as it knows."""


class Garbled(ResponseError):
    """Redis holds something under our names that none of us has told it."""


K = TypeVar("K")
V = TypeVar("V")


def forget_oldest(untold: dict[K, V]) -> None:
    """Keeps what is to be told within bounds."""
    while len(untold) > MOST_UNTOLD:
        del untold[next(iter(untold))]


Wake = Callable[[], None]
"""Asks for a round soon. It may be called from anywhere, and never waits."""
