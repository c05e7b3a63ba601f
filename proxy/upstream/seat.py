"""`Seat`: the right to send one request to a replica. Who gets one when is the business of `Seats`."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from proxy.upstream.choice import Candidate


class Replica(Candidate, Protocol):
    """A replica that keeps the seats which are taken at it. Its `in_flight` is their number."""

    seats: set[Seat[Any]]  # A set changes in one step, with threads too: where nothing is limited, no lock is needed.


R = TypeVar("R", bound=Replica)


class Seat(Generic[R]):
    """One request's place at `replica`, from `taken_s` on. Must be released, whatever happens."""

    __slots__ = ("_give_back", "replica", "taken_s")

    def __init__(self, replica: R, taken_s: float, give_back: Callable[[Seat[R]], None]) -> None:
        self.replica = replica
        self.taken_s = taken_s
        self._give_back = give_back
        replica.seats.add(self)

    def release(self) -> None:
        """Gives the seat back. May be called more than once, and from anywhere, a finalizer or gevent's hub included: it never waits."""
        self._give_back(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


class Visit(Generic[R]):
    """A short question to `replica`, which is no work to it: nobody waits for that, and nobody counts it."""

    __slots__ = ("replica",)

    def __init__(self, replica: R) -> None:
        self.replica = replica

    def release(self) -> None:
        """Nothing to give back."""


def give_back(seat: Seat[Any]) -> None:
    """How a seat is given back where nobody waits for one."""
    seat.replica.seats.discard(seat)
