"""Which replica is asked: least in flight, weighted round robin, prefix affinity. Asks no clock; chance is passed in.

The candidates are the replicas that may serve now; who leaves out the ill, the full and the tried ones gets the next best from the same
policy. Counts are those that the candidates show: a policy changes nothing about them. Weights are above nought.
"""

from __future__ import annotations

import hashlib
import math
import threading
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Protocol, TypeVar


class Candidate(Protocol):
    """A replica as policies see it. `id` is the same in all workers, after a restart too, and whatever other replicas there are."""

    @property
    def id(self) -> str:
        """By which it is told from the others."""

    @property
    def weight(self) -> float:
        """How much of the traffic it is to get, beside the others' weights."""

    @property
    def in_flight(self) -> int:
        """How many requests it works on."""


C = TypeVar("C", bound=Candidate)


class Choice(Protocol):
    """One policy of one upstream, for all greenlets and threads of a worker.

    Attributes:
        uses_affinity: whether it is worth making an affinity key.
    """

    uses_affinity: bool

    def choose(self, candidates: Sequence[C], affinity_key: bytes = b"") -> C:
        """One of the candidates, of which there must be one at least.

        Args:
            affinity_key: the same for requests that are best served by the same replica; `b""` when there is nothing to tell them by.
        """

    def insists(self, candidates: Sequence[C], affinity_key: bytes) -> bool:
        """Whether the one that would be chosen among all candidates is worth a short wait, where there is room at others."""

    def take_back(self, chosen: C, candidates: Sequence[C]) -> None:
        """As if it had not been chosen among the candidates: it has turned out to be full."""


def in_order(choice: Choice, candidates: Sequence[C], affinity_key: bytes = b"") -> Iterator[C]:
    """All candidates, each once, as `choice` would take them when those before are out."""
    rest = list(candidates)
    while rest:
        chosen = choice.choose(rest, affinity_key)
        yield chosen
        rest = [candidate for candidate in rest if candidate is not chosen]


class LeastInFlight:
    """The less busy of two that are drawn by weight; of two that are equally busy, the one that was drawn first.

    Two are enough to keep clear of a slow replica. Where counts are a little old, because other workers' requests are in them, the least
    busy of all would be everybody's at once; the less busy of two is not.

    Args:
        random: gives numbers from 0 up to 1.

    Source: nginx, `ngx_http_upstream_get_least_conn_peer`, which compares connections by weight, and decides by weight where they are even.
    """

    uses_affinity = False

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random

    def choose(self, candidates: Sequence[C], affinity_key: bytes = b"") -> C:
        """See `Choice`."""
        if len(candidates) == 1:
            return candidates[0]
        weights = [candidate.weight for candidate in candidates]
        place = self._draw(weights)
        first = candidates[place]
        weights[place] = 0.0
        second = candidates[self._draw(weights)]
        return second if _load(second) < _load(first) else first

    def insists(self, candidates: Sequence[C], affinity_key: bytes) -> bool:
        """See `Choice`. Whoever has room is as good as another."""
        return False

    def take_back(self, chosen: C, candidates: Sequence[C]) -> None:
        """See `Choice`. Nothing is kept."""

    def _draw(self, weights: Sequence[float]) -> int:
        sums = list(accumulate(weights))
        return min(bisect(sums, self._random() * sums[-1]), len(sums) - 1)


class WeightedRoundRobin:
    """Each in turn, as often as its weight says, and those with large weights not all at once.

    What each is owed is kept by id. A replica that was out for a while is owed nothing for that time.

    Source: nginx, `ngx_http_upstream_get_peer`, the smooth weighted round robin.
    """

    uses_affinity = False

    def __init__(self) -> None:
        self._owed: dict[str, float] = {}
        # A finalizer may give a seat back in the midst of this, and that lets somebody choose who waits for one.
        self._lock = threading.RLock()

    def choose(self, candidates: Sequence[C], affinity_key: bytes = b"") -> C:
        """See `Choice`."""
        with self._lock:
            owed = self._owed
            for candidate in candidates:
                owed[candidate.id] = owed.get(candidate.id, 0.0) + candidate.weight
            chosen = max(candidates, key=lambda candidate: owed[candidate.id])
            owed[chosen.id] -= sum(candidate.weight for candidate in candidates)
            return chosen

    def insists(self, candidates: Sequence[C], affinity_key: bytes) -> bool:
        """See `Choice`. Equals come to their share by themselves."""
        return any(candidate.weight != candidates[0].weight for candidate in candidates)

    def take_back(self, chosen: C, candidates: Sequence[C]) -> None:
        """See `Choice`."""
        with self._lock:
            for candidate in candidates:
                self._owed[candidate.id] -= candidate.weight
            self._owed[chosen.id] += sum(candidate.weight for candidate in candidates)


class PrefixAffinity:
    """Requests with the same key to the same replica, as long as that leaves no replica too busy.

    Each key has its own order of all replicas, by a hash of both; a replica that comes or goes moves only the keys that it has. A replica
    is passed over for the next in the key's order while it has more in flight than its share of all that are, times `bound`.

    Args:
        random: for requests without a key, which go to the less busy of two.
        bound: how far above its share a replica may get, from 1 on. The usual one kept waiting shorter than the other policies did in all
            that was simulated, a slow replica and replicas that work on one request at a time included; see docs/operations/choice.md.

    Source: rendezvous hashing with weights (Schindelhauer and Schomaker, 2005); "Consistent hashing with bounded loads" (Mirrokni, Thorup
    and Zadimoghaddam, 2017).
    """

    uses_affinity = True

    def __init__(self, random: Callable[[], float], bound: float = 1.25) -> None:
        self._without_key = LeastInFlight(random)
        self._bound = bound
        self._hashes: dict[str, hashlib.blake2b] = {}

    def choose(self, candidates: Sequence[C], affinity_key: bytes = b"") -> C:
        """See `Choice`."""
        if len(candidates) == 1 or not affinity_key:
            return self._without_key.choose(candidates)
        per_weight = self._in_flight_per_weight(candidates)
        with_room = [candidate for candidate in candidates if candidate.in_flight < math.ceil(per_weight * candidate.weight)]
        return min(with_room or candidates, key=lambda candidate: self._distance(candidate, affinity_key))

    def insists(self, candidates: Sequence[C], affinity_key: bytes) -> bool:
        """See `Choice`. Another replica would read all of the prompt anew."""
        return len(candidates) > 1 and bool(affinity_key)

    def take_back(self, chosen: C, candidates: Sequence[C]) -> None:
        """See `Choice`. Nothing is kept."""

    def _in_flight_per_weight(self, candidates: Sequence[C]) -> float:
        """How many requests a replica may have for each unit of its weight, the one that is to be placed included."""
        total = 1 + sum(candidate.in_flight for candidate in candidates)
        return self._bound * total / sum(candidate.weight for candidate in candidates)

    def _distance(self, candidate: Candidate, affinity_key: bytes) -> float:
        """How far the replica is from the key: distributed exponentially, with the weight as rate, so that each is nearest to its share."""
        known = self._hashes.get(candidate.id)
        if known is None:
            known = self._hashes[candidate.id] = hashlib.blake2b(candidate.id.encode(), digest_size=8)
        both = known.copy()
        both.update(affinity_key)
        return -math.log((int.from_bytes(both.digest(), "big") + 1) * _ONE_OF_2_64) / candidate.weight


_ONE_OF_2_64 = 2.0**-64


# By the names that the configuration has for them.
POLICIES: Mapping[str, Callable[[Callable[[], float]], Choice]] = MappingProxyType(
    {"least_in_flight": LeastInFlight, "weighted_round_robin": lambda _: WeightedRoundRobin(), "prefix_affinity": PrefixAffinity}
)


def _load(candidate: Candidate) -> float:
    return candidate.in_flight / candidate.weight
