"""How long and how much a run asks. All times are in seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Plan:
    """How a scenario is run.

    Attributes:
        rate: requests per second.
        calm_s: all is well, before.
        ill_s: how long something is wrong.
        back_s: the longest wait for the first request at a replica that has recovered; `after_s` is waited in any case.
        many: how many requests meet random faults, `many_rate` per second.
        cooldown_s: how long a breaker stays open. If this were not longer than the silence by which `measures` knows that the traffic has
            left, the workers' probes would look like traffic that goes on.
        failures: how many in a row open one; each worker counts for itself, and the lower the rate, the longer that takes.
        limit_s: a request that has no end by then hangs.
        slack_s: by how much more than they may the traffic leaves and comes back, and refusals are told, before that is a problem: for
            machines that have other work, too.
    """

    kind: str
    rate: float
    calm_s: float
    ill_s: float
    back_s: float
    after_s: float
    many: int
    many_rate: float
    cooldown_s: float = 5.0
    failures: int = 5
    limit_s: float = 15.0
    slack_s: float = 0.0


FULL = Plan("full", rate=40, calm_s=3, ill_s=7, back_s=11, after_s=1, many=10_000, many_rate=80)
SHORT = Plan("short", rate=24, calm_s=0.5, ill_s=2.5, back_s=11, after_s=0.1, many=500, many_rate=50, cooldown_s=2, failures=3)
BUSY = replace(SHORT, ill_s=4, slack_s=1.5)
"""For tests."""
