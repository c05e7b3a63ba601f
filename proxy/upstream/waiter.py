"""`Waiter`: a request that waits for a seat at any replica that may serve it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Generic, Literal, TypeVar

from proxy.upstream.seat import Replica, Seat

R = TypeVar("R", bound=Replica)
Candidates = Callable[[], Sequence[R]]
WaitEnd = Literal["seated", "refused", "timed_out", "displaced", "failed", "left"]


class Waiter(Generic[R]):
    """A request in the queue. What became of it stands in `end`, `seat` and `error`."""

    __slots__ = ("affinity_key", "candidates", "client_key", "end", "error", "gate", "patience_s", "replicas", "seat")

    def __init__(self, candidates: Candidates[R], affinity_key: bytes, client_key: str, replicas: int) -> None:
        self.candidates = candidates
        self.affinity_key = affinity_key
        self.client_key = client_key
        self.replicas = replicas
        self.patience_s = math.inf
        self.end: WaitEnd | None = None
        self.seat: Seat[R] | None = None
        self.error: Exception | None = None
        self.gate = threading.Lock()
        self.gate.acquire()

    def wake(self, end: WaitEnd) -> None:
        """Ends the wait."""
        self.end = end
        self.gate.release()
