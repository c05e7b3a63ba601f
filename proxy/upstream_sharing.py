"""Builds what workers share through Redis, and hooks it to the parts of upstreams. Imported only where a Redis is named."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from random import SystemRandom

from proxy.canonical.catalog import ModelCard
from proxy.gateway.keepsakes import MemoryShelf
from proxy.gateway.shared_shelf import SharedShelf
from proxy.gateway.together import Spawn
from proxy.settings import Settings
from proxy.upstream.cooldown import CoolDowns
from proxy.upstream.models import ModelList
from proxy.upstream.replica import Replica
from proxy.upstream.seats import Seats
from proxy.upstream.shared.circuits import Circuits
from proxy.upstream.shared.link import Link
from proxy.upstream.shared.listings import Listings
from proxy.upstream.shared.member import Member
from proxy.upstream.shared.rations import Rations
from proxy.upstream.shared.rests import Rests
from proxy.upstream.watch import UpstreamWatch
from proxy.upstream_settings import UpstreamSettings


class Sharing:
    """What the upstreams of one gateway share.

    Args:
        watch: is told whether Redis answers.

    Attributes:
        member: this worker's part, to be started in the process that serves.
    """

    def __init__(self, settings: Settings, watch: UpstreamWatch) -> None:
        link = Link(
            settings.redis_url,
            settings.redis_timeout,
            clock=time.monotonic,
            random=SystemRandom().random,  # Also in a process of a fork, and it leaves an app's own seed alone.
            on_change=watch.sharing_changed,
        )
        self.member = Member(link, settings.redis_prefix)
        self._link = link
        self._prefix = settings.redis_prefix

    def shelf(self, spawn: Spawn) -> SharedShelf:
        """Where lies what models want to see again."""
        link = self._link
        return SharedShelf(MemoryShelf(time.monotonic), link.use, lambda: link.is_up is False, f"{self._prefix}:kept:", spawn)

    def rations(self, told: UpstreamSettings, replicas: Sequence[Replica], alone: int) -> Rations:
        """What the upstream's seats go by; `alone` is how many there are at each replica while Redis is away."""
        return Rations(
            f"{self._prefix}:{told.name}:seats",
            replicas,
            member=self.member,
            limit=told.limits.in_flight,
            alone=alone,
        )

    def join(
        self,
        told: UpstreamSettings,
        replicas: Sequence[Replica],
        cooldowns: CoolDowns,
        seats: Seats[Replica] | None,
        rations: Rations | None,
    ) -> None:
        """Shares what is known of an upstream's replicas."""
        space, by_id = self._space(told), {replica.id: replica for replica in replicas}

        def welcome(replica: str) -> None:
            if seats is not None:
                seats.welcome(by_id[replica])

        self.member.add(
            Rests(
                f"{space}:left-alone",
                cooldowns,
                {replica.id: replica.keys for replica in replicas},
                clock=time.monotonic,
                wake=self.member.wake,
                welcome=welcome,
            )
        )
        self.member.add(
            Circuits(
                f"{space}:breakers",
                {replica.id: replica.breakers for replica in replicas},
                failures=told.stubbornness.breaker_failures,
                wake=self.member.wake,
            )
        )
        if rations is not None and seats is not None:
            rations.attend(seats)
            self.member.add(rations)

    def join_list(
        self, told: UpstreamSettings, models: ModelList, describe: Callable[[ModelCard], ModelCard]
    ) -> Callable[[Sequence[ModelCard]], None]:
        """Shares an upstream's list. What comes back is to be called with each list that the upstream tells."""
        listings = Listings(f"{self._space(told)}:models", models, describe, clock=time.monotonic, wake=self.member.wake)
        self.member.add(listings)
        return listings.fetched

    def _space(self, told: UpstreamSettings) -> str:
        """What keys of an upstream begin with. Who knows it by other addresses or other keys shares nothing of it."""
        known = "\n".join((told.dialect, *(replica.base_url for replica in told.replicas), *told.keys))
        return f"{self._prefix}:{told.name}:{hashlib.sha256(known.encode()).hexdigest()[:16]}"
