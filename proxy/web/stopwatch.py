"""The clock of one exchange."""

from __future__ import annotations

import time


class Stopwatch:
    """Starts when it is made. What pure code asks for the time (`proxy.dialect.Stopwatch`)."""

    __slots__ = ("_started_ns",)

    def __init__(self) -> None:
        self._started_ns = time.perf_counter_ns()

    def time_ns(self) -> int:
        """Wall clock, nanoseconds since the epoch."""
        return time.time_ns()

    def elapsed_ns(self) -> int:
        """Nanoseconds since the start, by a clock that never goes back."""
        return time.perf_counter_ns() - self._started_ns
