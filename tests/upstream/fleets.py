"""Upstreams of several replicas, with clocks and sleeping in the test's hands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests

from proxy.upstream.background import Background
from proxy.upstream.breaker import Breakers
from proxy.upstream.budget import RetryBudget
from proxy.upstream.choice import Choice, WeightedRoundRobin
from proxy.upstream.client import UpstreamClient
from proxy.upstream.cooldown import CoolDowns
from proxy.upstream.fleet import Fleet
from proxy.upstream.key_ring import KeyRing
from proxy.upstream.line import Line, ReadError
from proxy.upstream.replica import Replica
from proxy.upstream.reply import Timeouts
from proxy.upstream.retry import RetryPolicy
from proxy.upstream.seats import Seats
from proxy.upstream.words import PLAIN_WORDS, Words

TIMEOUTS = Timeouts(connect_s=2.0, first_byte_s=1.0, idle_s=5.0, keepalive_s=2.0)


def a_replica(
    base_url: str,
    label: str = "one",
    *,
    session: requests.Session,
    read_error: ReadError,
    clock: Callable[[], float],
    wall_clock: Callable[[], float] = lambda: 1_700_000_000.0,
    keys: Sequence[str] = ("",),
    headers: Mapping[str, str] | None = None,
    timeouts: Timeouts = TIMEOUTS,
    failures: int = 5,
    words: Words = PLAIN_WORDS,
    breakers: Breakers | None = None,
) -> Replica:
    """A replica that nobody has asked yet."""
    line = Line(
        base_url,
        keys,
        session=session,
        read_error=read_error,
        timeouts=timeouts,
        headers=headers,
        words=words,
        clock=clock,
        wall_clock=wall_clock,
    )
    breakers = breakers or Breakers(failures=failures, cooldown_s=5.0, clock=clock, words=words)
    return Replica(label, label, 1.0, line=line, keys=KeyRing(keys, clock), breakers=breakers, clock=clock)


def a_client(
    replicas: Sequence[Replica],
    *,
    clock: Any,
    sleep: Callable[[float], None] | None = None,
    policy: RetryPolicy | None = None,
    choice: Choice | None = None,
    in_flight: int = 0,
    queue: int = 0,
    queue_wait_s: float = 0.0,
    budget: RetryBudget | None = None,
    name: str = "boxes",
    background: Background | None = None,
    **more: Any,
) -> UpstreamClient:
    """A client of an upstream with these replicas, which are asked in turn."""
    choice = choice or WeightedRoundRobin()
    seats: Seats[Replica] = Seats(choice, per_replica=in_flight, queue=queue, queue_wait_s=queue_wait_s, clock=clock)
    fleet = Fleet(replicas, CoolDowns(clock), cooldown_s=5.0, on_recovery=seats.welcome)
    return UpstreamClient(
        name,
        fleet,
        choice=choice,
        seats=seats if in_flight or len(replicas) > 1 else None,
        policy=policy or RetryPolicy(max_retries=3),
        budget=budget or RetryBudget(clock),
        sleep=sleep or clock.sleep,
        clock=clock,
        background=background,
        **more,
    )
