"""`RetryBudget`: how many requests may be sent again, so that an outage is not multiplied. Asks nobody; the clock is passed in."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

_SLOTS = 10


class RetryBudget:
    """A share of the requests of the last seconds, and a few more, so that a quiet gateway can try again too.

    An attempt at another replica is a retry like any other. Time is counted in tenths of the window: what happened may leave it as much too
    early.

    Args:
        clock: seconds that never go back.
        share: retries for each request.
        window_s: how far back requests and retries are counted.
        floor: retries in each window that need no request.
    """

    def __init__(self, clock: Callable[[], float], *, share: float = 0.2, window_s: float = 10.0, floor: int = 10) -> None:
        self._clock = clock
        self._share = share
        self._floor = floor
        self._slot_s = window_s / _SLOTS
        self._slot = self._slot_now()
        self._requests = _Window()
        self._retries = _Window()
        self._lock = threading.Lock()

    def note_request(self) -> None:
        """Notes that a request is sent for the first time."""
        with self._lock:
            if math.floor(self._clock() / self._slot_s) != self._slot:  # Said here, too: it is asked with each request.
                self._move_on()
            self._requests.add_one()

    def take_retry(self) -> bool:
        """Whether a request may be sent again now; if so, it is counted."""
        with self._lock:
            self._move_on()
            may = self._retries.total + 1 <= self._floor + self._share * self._requests.total
            if may:
                self._retries.add_one()
            return may

    def _slot_now(self) -> int:
        return math.floor(self._clock() / self._slot_s)

    def _move_on(self) -> None:
        now = self._slot_now()
        if now != self._slot:
            self._requests.move_on(now - self._slot)
            self._retries.move_on(now - self._slot)
            self._slot = now


class _Window:
    """A count over the last `_SLOTS` slots of time."""

    __slots__ = ("_counts", "_place", "total")

    def __init__(self) -> None:
        self.total = 0
        self._counts = [0] * _SLOTS
        self._place = 0

    def add_one(self) -> None:
        self._counts[self._place] += 1
        self.total += 1

    def move_on(self, slots: int) -> None:
        for _ in range(min(slots, _SLOTS)):
            self._place = (self._place + 1) % _SLOTS
            self.total -= self._counts[self._place]
            self._counts[self._place] = 0
