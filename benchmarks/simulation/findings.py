"""The figures of runs. Times are in seconds of the simulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.simulation.scenarios import SCENARIOS, MakeChoice, Scenario

# A box is cold at first, which says nothing about a policy.
_WARM_UP = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is simulated: how many runs of each kind, and how many seconds each."""

    seeds: int
    until_s: float


FULL = Plan(seeds=4, until_s=1200.0)
SMALL = Plan(seeds=3, until_s=600.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a policy did in a scenario, over all seeds.

    Attributes:
        remembered: share of all prompt tokens that no box had to read.
        p50_s, p95_s, p99_s: time to the first token, of half of the requests, of 95 and of 99 of 100.
        busiest: work of the box that had most, over the mean of all.
    """

    requests: int
    remembered: float
    p50_s: float
    p95_s: float
    p99_s: float
    busiest: float


Findings = Mapping[str, Mapping[str, Finding]]


def found(policies: Mapping[str, MakeChoice], plan: Plan, scenarios: Iterable[str] = SCENARIOS) -> Findings:
    """What each policy did, by scenario and policy."""
    return {name: {policy: _find(SCENARIOS[name], make, plan) for policy, make in policies.items()} for name in scenarios}


def _find(scenario: Scenario, make_choice: MakeChoice, plan: Plan) -> Finding:
    prompts = remembered = 0
    waits: list[float] = []
    worked = [0.0] * scenario.boxes
    for seed in range(plan.seeds):
        requests, boxes = scenario.run(make_choice, seed, plan.until_s)
        for request in requests:
            if request.asked_s >= _WARM_UP * plan.until_s:
                prompts += request.prompt
                remembered += request.remembered
                waits.append(request.first_token_s)
        for place, box in enumerate(boxes):
            worked[place] += box.worked_s
    waits.sort()
    p50_s, p95_s, p99_s = (_below(waits, share) for share in (0.5, 0.95, 0.99))
    return Finding(len(waits), remembered / prompts, p50_s, p95_s, p99_s, max(worked) * len(worked) / sum(worked))


def _below(ordered: Sequence[float], share: float) -> float:
    return ordered[int(share * len(ordered))]
