"""What a run measures and for how long, and the arithmetic of its rounds. Pure: it starts nothing and reads no clock.

The contenders of a section take turns (A B C A B C ...), so that a change of the machine's mood meets all of them. A ratio is made of two
samples of one round; what is told of a contender is the median over the rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Sample = Mapping[str, float]
"""What one contender showed in one round, by the name of the metric; units are in the names."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much a run measures. All times are in seconds.

    Attributes:
        kind: what the results are called: `full`, `short` or `quick`.
        sections: what is measured, in this order.
        rounds: how often wrk asks each contender.
        load_s: how long wrk asks one contender in one round.
        warm_up_s: how long it asks each before the first round.
        slow_load_s: how long it asks one who gave no answer in that time, or too few to tell a rate.
        peers: whether the programs of others are measured too.
        ceilings: whether those are measured that show how far one could come: the upstream itself and nginx as a reverse proxy what the
            machine can do, Flask alone what this stack can do, the gateway without log and metrics what these two cost.
        connections: on how many connections wrk asks.
        paced_rounds: how often each contender carries paced streams.
        paced_streams: how many at a time.
        tokens_per_s: how fast each of them is.
        spare_s: how much longer they last than they are watched: for all to begin, and for slow contenders to catch up.
        steady_s: how long paced streams are watched, once all of them have begun.
        first_token_rounds: how often each contender gets new connections.
        first_tokens: how many new connections one contender gets in one round.
        held: how many mostly silent streams one worker holds.
        many_requests: after so many requests memory must be what it was.
        starts: how often a start is timed.
        growth_rounds: how often each number of connections, models and messages is asked for.
        growth_s: for how long.
        history_rounds: how often each number of messages is; of what one more message costs, differences of differences are made.
        history_s: for how long.
    """

    kind: str
    sections: tuple[str, ...]
    rounds: int
    load_s: int
    warm_up_s: int = 1
    slow_load_s: int = 12
    peers: bool = True
    ceilings: bool = True
    connections: int = 16
    paced_rounds: int = 3
    paced_streams: int = 100
    tokens_per_s: int = 20
    spare_s: int = 2
    steady_s: int = 5
    first_token_rounds: int = 3
    first_tokens: int = 100
    held: int = 2000
    many_requests: int = 100_000
    starts: int = 4
    growth_rounds: int = 3
    growth_s: int = 2
    history_rounds: int = 5
    history_s: int = 4


SECTIONS = ("chat", "stream", "tools", "embeddings", "paced", "first_token", "held", "memory", "start", "large", "growth", "profile")

FULL = Plan("full", SECTIONS, rounds=5, load_s=3)
SHORT = Plan(
    "short",
    SECTIONS,
    rounds=2,
    load_s=1,
    paced_rounds=1,
    paced_streams=20,
    steady_s=2,
    first_token_rounds=1,
    first_tokens=20,
    held=200,
    many_requests=5_000,
    starts=2,
    growth_rounds=1,
    growth_s=1,
    history_rounds=1,
    history_s=1,
)
QUICK = Plan(
    "quick",
    ("chat", "stream", "paced", "first_token"),
    rounds=4,
    load_s=1,
    peers=False,
    ceilings=False,
    paced_rounds=3,
    spare_s=1,
    steady_s=1,
    first_token_rounds=3,
    first_tokens=25,
)


def turns(contenders: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Each round with each contender. Every second round goes backwards, so that nobody always comes after the same one."""
    for round_number in range(rounds):
        yield from ((round_number, name) for name in (contenders if round_number % 2 == 0 else tuple(reversed(contenders))))


def medians(samples: Sequence[Sample]) -> dict[str, float]:
    """The median of each metric that all samples have."""
    shared = set(samples[0]).intersection(*samples[1:])
    return {metric: median(sample[metric] for sample in samples) for metric in samples[0] if metric in shared}


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__trunc__() - 1)]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One contender's metric over another's: the median of the rounds, with the lowest and the highest."""

    value: float
    low: float
    high: float


def ratio(samples: Sequence[Sample], base: Sequence[Sample], metric: str) -> Ratio:
    """How many times `base` `samples` is, each round by itself."""
    pairs = [of[metric] / to[metric] for of, to in zip(samples, base, strict=True)]
    return Ratio(median(pairs), min(pairs), max(pairs))
