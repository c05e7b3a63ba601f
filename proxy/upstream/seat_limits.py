"""How many seats a worker may give away at a replica: its share of a limit, or what `SeatLimits` says from moment to moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


def share_of(limit: int, workers: int) -> int:
    """One worker's part of a limit for all of them: they do not see each other's requests. 0 stays 0.

    Rounded down, so that all parts together keep the limit; but never to nothing, so that a limit below the number of workers is not kept.
    """
    return max(1, limit // workers) if limit else 0


class SeatLimits(Protocol):
    """How many seats this worker may give away, where all workers together keep a limit. It waits for nothing."""

    def of(self, replica: Any) -> int:
        """How many at the replica, now."""

    def may_grow(self, replicas: Sequence[Any]) -> bool:
        """Whether there may soon be more at one of them."""

    def wanted(self) -> None:
        """Somebody waits for a seat."""

    def wanted_at(self, replica: Any) -> None:
        """Somebody waits for a seat at this replica, and is to hear of it when there is none: see `Seats.turn_away`."""

    def freed(self) -> None:
        """A seat came free."""
