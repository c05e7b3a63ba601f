"""What a scenario must show. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chaos.load.steady import Asked
from chaos.stage import Marks

Excuse = Callable[[Asked, Marks], bool]


def no_excuse(_: Asked, __: Marks) -> bool:
    """Nothing is excused."""
    return False


def went_down_with_its_worker(asked: Asked, marks: Marks) -> bool:
    """It was under way when its worker was killed: nobody was left to say a word."""
    return asked.started_s <= marks.struck_s <= asked.ended_s


def was_asked_to_come_again(asked: Asked, _: Marks) -> bool:
    """It was sent away in good time: 503 with Retry-After."""
    return asked.ending.verdict == "refused" and asked.ending.status == 503 and asked.retry_after != ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be true at the end. A wrong end is never right, unless it is excused.

    Attributes:
        ill: the replicas that something is wrong with.
        saves_all: whether a healthy replica was there all the time: then nothing may be lost that was not begun.
        leaves_within_s, returns_within_s: for the traffic of the ill replicas; `None` does not look.
        refusals: while all are ill, requests must be refused with one of these statuses, within `refused_within_s`; empty: no such time.
        attempts_at_most: upstream attempts per request while something is wrong.
        is_flat: whether descriptors and memory must not grow.
        in_flight_at_most: how much one replica may have to do at a time; 0 does not look.
    """

    ill: tuple[str, ...] = ()
    saves_all: bool = True
    leaves_within_s: float | None = None
    returns_within_s: float | None = None
    refusals: frozenset[int] = frozenset()
    refused_within_s: float = 1.0
    attempts_at_most: float = 2.0
    is_flat: bool = False
    in_flight_at_most: int = 0
    excuse: Excuse = no_excuse


ONE_ILL = Expectation(("b",), leaves_within_s=2.0, returns_within_s=10.0)
ALL_ILL = Expectation(("a", "b", "c"), saves_all=False, returns_within_s=10.0, refusals=frozenset({502, 503}))
