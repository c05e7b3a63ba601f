"""Replicas as the choice and the seats see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxy.upstream.seat import Seat


@dataclass(eq=False)
class FakeReplica:
    """A replica with seats that can be taken, and some requests that nobody counts."""

    id: str
    weight: float = 1.0
    seats: set[Seat[Any]] = field(default_factory=set)
    others: int = 0

    @property
    def in_flight(self) -> int:
        return len(self.seats) + self.others


def some_replicas(*in_flight: int, weights: tuple[float, ...] = ()) -> list[FakeReplica]:
    """A replica for each number of requests in flight."""
    weights = weights or (1.0,) * len(in_flight)
    return [
        FakeReplica(f"http://10.0.0.{place}:8000", weight, others=others)
        for place, (others, weight) in enumerate(zip(in_flight, weights, strict=True))
    ]
