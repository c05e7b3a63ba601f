"""`Hopes`: requests that were chosen for a replica at which this worker has no seat to give, while others are asked for one.

It waits for nothing itself, and is not made for several threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Generic, TypeVar

from proxy.upstream.seat import Replica, Seat
from proxy.upstream.waiter import Candidates

R = TypeVar("R", bound=Replica)


class Hope(Generic[R]):
    """One request's, to be seated at the replica that is chosen for it.

    Args:
        candidates: the replicas that may serve the request now.
        affinity_key: what it is chosen by.

    Attributes:
        seat: what became of it.
        replica: where a seat is hoped for; `None` when nowhere.
        rivals: among whom that was chosen.
        passed_over: at whom it was hoped for in vain.
    """

    __slots__ = ("_gate", "affinity_key", "candidates", "passed_over", "replica", "rivals", "seat")

    def __init__(self, candidates: Candidates[R], affinity_key: bytes) -> None:
        self.candidates = candidates
        self.affinity_key = affinity_key
        self.seat: Seat[R] | None = None
        self.replica: R | None = None
        self.rivals: Sequence[R] = ()
        self.passed_over: set[R] = set()
        self._gate = threading.Lock()
        self._gate.acquire()

    def wait(self, seconds: float) -> bool:
        """Waits for what becomes of it, for so long. Whether that is known."""
        return self._gate.acquire(timeout=max(0.0, seconds))

    def end(self) -> None:
        """Ends the wait. To be called once for each."""
        self._gate.release()

    def forget_end(self) -> None:
        """Before the next wait: an end that came when nobody waited any more is none of that one."""
        self._gate.acquire(blocking=False)

    def is_able(self, replica: R) -> bool:
        """Whether the replica may still serve the request."""
        try:
            return replica in self.candidates()
        except Exception:  # noqa: BLE001 - who hopes asks again, and raises it
            return False


class Hopes(Generic[R]):
    """All of a worker, by replica: first come, first served."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[R, dict[Hope[R], None]] = {}

    def at(self, replica: R) -> int:
        """How many hope for a seat there. May be asked from anywhere."""
        return len(self._lines.get(replica, ()))

    def add(self, replica: R, hope: Hope[R]) -> None:
        """Puts `hope` at the end of the replica's line."""
        self._lines.setdefault(replica, {})[hope] = None

    def remove(self, replica: R, hope: Hope[R]) -> None:
        """Takes out a hope, if it is still there."""
        self._lines[replica].pop(hope, None)

    def pop(self, replica: R) -> Hope[R]:
        """Takes out the first of the replica's line, of one at least."""
        line = self._lines[replica]
        hope = next(iter(line))
        del line[hope]
        return hope
