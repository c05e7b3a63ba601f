"""Which runs there are: kinds of traffic over kinds of boxes, under each policy."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.simulation.boxes import Box, Request
from benchmarks.simulation.loads import Load
from benchmarks.simulation.world import Absence, View, Worker, World
from proxy.upstream.choice import POLICIES, C, Choice, PrefixAffinity

MakeChoice = Callable[[Callable[[], float]], Choice]


class Random:
    """Any of the candidates: what all policies are to be better than."""

    uses_affinity = False

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance

    def choose(self, candidates: Sequence[C], affinity_key: bytes = b"") -> C:
        """See `Choice`."""
        return candidates[int(self._chance() * len(candidates))]

    def insists(self, candidates: Sequence[C], affinity_key: bytes) -> bool:
        """See `Choice`."""
        return False

    def take_back(self, chosen: C, candidates: Sequence[C]) -> None:
        """See `Choice`. Nothing is kept."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Boxes and what is asked of them.

    Attributes:
        about: what is special, in a few words.
        slots: how many requests each box works on at a time.
        slowness: by how much the first box is slower than the others, of which the gateway is not told.
        workers: how many workers the gateway has, each of which sees its own requests only.
        absent: the part of the time in which the first box is away.
    """

    about: str
    boxes: int
    load: Load
    slots: int = 4
    slowness: float = 1.0
    workers: int = 1
    absent: tuple[float, float] | None = None

    def run(self, make_choice: MakeChoice, seed: int, until_s: float) -> tuple[list[Request], list[Box]]:
        """The requests that were answered, and the boxes in the end."""
        chance = random.Random(seed + 1_000_000)  # noqa: S311 - the same each time, and not that of the load
        boxes = [Box(f"http://box-{place}:11434", self.slots, self.slowness if place == 0 else 1.0) for place in range(self.boxes)]
        workers = [Worker(make_choice(chance.random), [View(box) for box in boxes]) for _ in range(self.workers)]
        absence = None if self.absent is None else Absence(self.absent[0] * until_s, self.absent[1] * until_s)
        world = World(boxes, workers, chance, absence)
        world.run(self.load, seed, until_s)
        return world.requests, boxes


SCENARIOS: Mapping[str, Scenario] = {
    "even": Scenario("four equal boxes", 4, Load(0.30)),
    "three": Scenario("three equal boxes", 3, Load(0.22)),
    "eight": Scenario("eight equal boxes", 8, Load(0.60)),
    "quiet": Scenario("four equal boxes with little to do", 4, Load(0.10)),
    "slow": Scenario("four boxes, one of which is three times as slow", 4, Load(0.22), slowness=3.0),
    "skewed": Scenario("four equal boxes; four of five conversations begin with the same words", 4, Load(0.75, alike=0.8)),
    "single": Scenario("four equal boxes that work on one request at a time", 4, Load(0.06), slots=1),
    "workers": Scenario("four equal boxes, and a gateway of four workers", 4, Load(0.30), workers=4),
    "away": Scenario("four equal boxes, one of which is away for a fifth of the time", 4, Load(0.24), absent=(0.4, 0.6)),
}

POLICIES_SHOWN: Mapping[str, MakeChoice] = {
    "random": Random,
    **{name: POLICIES[name] for name in ("weighted_round_robin", "least_in_flight", "prefix_affinity")},
    "without_bound": partial(PrefixAffinity, bound=1e9),
}

BOUNDS = (1.1, 1.25, 1.5, 2.0, 3.0)
BOUNDS_SHOWN: Mapping[str, MakeChoice] = {f"{bound:g}": partial(PrefixAffinity, bound=bound) for bound in BOUNDS}
