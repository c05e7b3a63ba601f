"""`Rations`: how many requests this worker may have under way at each replica of an upstream, so that all workers together keep its limit.

A worker holds a ration and hands out seats from it by itself; it asks Redis for more when it runs short, and gives back what others need
more. A request waits for that as it waits for a seat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from proxy.upstream.seat import Replica
from proxy.upstream.seats import Seats
from proxy.upstream.shared.ration_script import DEAD_AFTER_S, RATION_DIGEST, RATION_SCRIPT, SETTLED_AFTER_S
from proxy.upstream.shared.topic import Round


class Membership(Protocol):
    """Who this worker is among all, and where they meet; see `Member`."""

    channel: str
    memory: str

    def hurry(self) -> None:
        """Asks for a round at once."""

    @property
    def name(self) -> str:
        """Tells it from all others."""


class Rations:
    """One upstream's; `SeatLimits` for its seats.

    Args:
        key: what the names of all hashes begin with.
        limit: of each replica.
        alone: what this worker may have at each replica when nobody knows what the others have.

    Attributes:
        is_shared: whether the worker goes by what Redis says, and not by itself.
    """

    def __init__(
        self,
        key: str,
        replicas: Sequence[Replica],
        *,
        member: Membership,
        limit: int,
        alone: int,
    ) -> None:
        self._key = key
        self._replicas = tuple(replicas)
        self._member = member
        self._limit = limit
        self._alone = alone
        self._held: dict[str, int] = {}
        self.is_shared = False
        self._others_need = False
        self._asked = False
        self._wanted_at: set[str] = set()
        self._seats: Seats[Any] | None = None

    def attend(self, seats: Seats[Any]) -> None:
        """Says whose rations they are."""
        self._seats = seats

    def of(self, replica: Replica) -> int:
        """See `SeatLimits`."""
        return self._held.get(replica.id, 0) if self.is_shared else self._alone

    def may_grow(self, replicas: Sequence[Replica]) -> bool:
        """See `SeatLimits`."""
        return self.is_shared and any(self.of(replica) < self._limit for replica in replicas)

    def wanted(self) -> None:
        """See `SeatLimits`."""
        if self.is_shared:
            self._member.hurry()

    def wanted_at(self, replica: Replica) -> None:
        """See `SeatLimits`."""
        if self.is_shared:
            self._wanted_at.add(replica.id)
            self._member.hurry()
        elif self._seats is not None:
            self._seats.turn_away(replica)

    def freed(self) -> None:
        """See `SeatLimits`."""
        if self._others_need:
            self._member.hurry()

    def ask(self, this: Round) -> bool:
        """See `Topic`."""
        self._asked = not this.is_first
        if not self._asked:
            this.pipe.script_load(RATION_SCRIPT)
            return False
        if not self.is_shared:  # From now on nobody gets a seat here of which Redis does not know.
            self._held, self.is_shared = {replica.id: replica.in_flight for replica in self._replicas}, True
        for replica in self._replicas:
            asks = self._asks_at(replica)
            in_flight, waiting = replica.in_flight, 0 if self._seats is None else self._seats.waiting_at(replica)
            held, need = max(self.of(replica), in_flight), in_flight + waiting
            this.pipe.evalsha(
                RATION_DIGEST,
                2,
                self._key_of(replica),
                self._member.memory,
                self._member.name,
                held,
                need,
                self._limit,
                self._alone,
                round(DEAD_AFTER_S * 1000),
                round(SETTLED_AFTER_S * 1000),
                self._member.channel,
                asks,
            )
        return False  # The script tells others where there is something to tell.

    def learn(self, this: Round, answers: Iterator[Any]) -> bool:
        """See `Topic`."""
        if not self._asked:
            return True
        gives_back = others_need = False
        full = []
        for replica, (granted, share, is_somebody_hungry, is_full) in zip(self._replicas, answers, strict=True):
            self._held[replica.id] = min(granted, share)
            if is_full and replica.id not in self._wanted_at:  # Who came later is answered later.
                full.append(replica)
            gives_back |= share < granted and replica.in_flight < granted
            others_need |= bool(is_somebody_hungry)
        self._others_need = others_need
        self._welcome_all()
        self._turn_away(full)
        if gives_back:
            self._member.hurry()
        return False

    def lost(self) -> None:
        """See `Topic`."""
        self.is_shared = self._others_need = False
        self._wanted_at.clear()
        self._welcome_all()
        self._turn_away(self._replicas)

    def kept_keys(self) -> Iterable[str]:
        """See `Topic`."""
        return map(self._key_of, self._replicas)

    def _key_of(self, replica: Replica) -> str:
        return f"{self._key}:{replica.id}"

    def _asks_at(self, replica: Replica) -> int:
        """2 when somebody has begun to hope for a seat there, 1 when somebody still does, else 0."""
        if replica.id in self._wanted_at:
            self._wanted_at.discard(replica.id)
            return 2
        return 1 if self._seats is not None and self._seats.hopes_at(replica) else 0

    def _turn_away(self, full: Sequence[Replica]) -> None:
        """Who hopes for a seat where nobody has one to spare need not wait."""
        if self._seats is not None:
            for replica in full:
                self._seats.turn_away(replica)

    def _welcome_all(self) -> None:
        """There may be more for those who wait."""
        if self._seats is not None:
            for replica in self._replicas:
                self._seats.welcome(replica)
