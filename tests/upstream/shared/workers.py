"""A worker as Redis sees it: the memories of one upstream with two replicas, and what shares them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from proxy.canonical.catalog import ModelCard
from proxy.upstream.breaker import Breakers
from proxy.upstream.choice import Choice, LeastInFlight
from proxy.upstream.cooldown import CoolDowns
from proxy.upstream.key_ring import KeyRing
from proxy.upstream.models import ModelList
from proxy.upstream.seats import Seats
from proxy.upstream.shared.circuits import Circuits
from proxy.upstream.shared.link import Link
from proxy.upstream.shared.listings import Listings
from proxy.upstream.shared.member import Member
from proxy.upstream.shared.rations import Rations
from proxy.upstream.shared.rests import Rests
from proxy.upstream.shared.topic import Round
from tests.upstream.replicas import FakeReplica

REPLICAS = ("a", "b")
_PATIENCE_S = 10


class Worker:
    """One member, with everything that it shares. Its clock may be ahead of other workers'."""

    def __init__(
        self,
        url: str,
        *,
        limit: int = 4,
        alone: int = 2,
        queue: int = 10,
        ahead_s: float = 0.0,
        prefix: str = "test",
        timeout_s: float = 0.2,
        choice: Choice | None = None,
    ) -> None:
        def clock() -> float:
            return time.monotonic() + ahead_s

        self.clock = clock
        self.changes: list[bool] = []
        self.fetched: list[str] = ["m"]
        self.told: list[tuple[str, str, str]] = []
        self.link = Link(url, timeout_s, clock=clock, random=lambda: 0.5, on_change=self.changes.append)
        self.member = Member(self.link, prefix, clock=clock)
        self.replicas = [FakeReplica(name) for name in REPLICAS]
        self.cooldowns = CoolDowns(clock)
        self.rings = {name: KeyRing(("one", "two"), clock) for name in REPLICAS}
        self.breakers = {name: self._breakers(name) for name in REPLICAS}
        self.rations = Rations(
            f"{prefix}:seats",
            self.replicas,
            member=self.member,
            limit=limit,
            alone=alone,
        )
        self.seats: Seats[FakeReplica] = Seats(
            choice or LeastInFlight(lambda: 0.5), per_replica=alone, queue=queue, queue_wait_s=5, clock=clock, limits=self.rations
        )
        self.rations.attend(self.seats)
        self.models = ModelList(list, 60.0, clock, lambda work: None)
        self.listings = Listings(f"{prefix}:models", self.models, lambda card: card, clock=clock, wake=self.member.wake)
        self.welcomed: list[str] = []
        wake = self.member.wake
        self.counter = RoundCounter()
        for topic in (
            self.counter,
            Rests(f"{prefix}:rests", self.cooldowns, self.rings, clock=clock, wake=wake, welcome=self.welcomed.append),
            Circuits(f"{prefix}:breakers", self.breakers, failures=3, wake=wake),
            self.rations,
            self.listings,
        ):
            self.member.add(topic)
        self._stack = ExitStack()

    def start(self, *, wait: bool = True) -> None:
        """Starts to share; waits for the first answer."""
        self.member.start()
        if wait:
            wait_until(lambda: bool(self.link.is_up), "Redis does not answer")
            wait_until(lambda: self.rations.is_shared, "nothing is shared")
            wait_until(lambda: self.member.listens, "nobody listens")

    def stop(self) -> None:
        """Ends the threads; a worker that is killed does not say good-bye."""
        self.member.stop()

    @property
    def rounds(self) -> int:
        """How many rounds there were."""
        return self.counter.rounds

    def _breakers(self, replica: str) -> Breakers:
        def tell(model: str, state: str) -> None:
            self.told.append((replica, model, state))

        return Breakers(failures=3, cooldown_s=5.0, clock=self.clock, on_change=tell)


class RoundCounter:
    """A topic that tells nothing."""

    def __init__(self) -> None:
        self.rounds = self.losses = 0

    def ask(self, this: Round) -> bool:
        return False

    def learn(self, this: Round, answers: Iterator[Any]) -> bool:
        self.rounds += 1
        return False

    def lost(self) -> None:
        self.losses += 1

    def kept_keys(self) -> tuple[str, ...]:
        return ()


def wait_until(holds: Callable[[], Any], otherwise: str) -> None:
    """Waits until `holds()` is true."""
    end = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < end, otherwise
        time.sleep(0.005)


def a_card(name: str, **changes: Any) -> ModelCard:
    return ModelCard(name, **changes)
