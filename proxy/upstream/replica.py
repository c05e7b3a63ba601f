"""`Replica`: one server of an upstream: the line to it, its keys and breakers, what is under way there, and what is known of its health."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from proxy.telemetry import ExchangeNotes
from proxy.upstream.breaker import Breakers
from proxy.upstream.faults import Fault
from proxy.upstream.health import ReplicaHealth
from proxy.upstream.key_ring import KeyRing
from proxy.upstream.line import Line
from proxy.upstream.reply import UpstreamReply
from proxy.upstream.seat import Seat
from proxy.upstream.waits import Wait
from proxy.wire.messages import Purpose, UpstreamCall


class Replica:
    """One replica, for all greenlets of a worker.

    Args:
        identity: tells it from the others, the same in all workers and after a restart.
        label: its name in logs, metrics and `/health`: no credentials, and one of few.
        weight: how much of the traffic it is to get, beside the others' weights.

    Attributes:
        seats: one for each request that it works on.
        waits: those for the beginning of an answer that may be called off.
        suspicion: why the last look at it found it unwell, `""` when it did not.
    """

    def __init__(
        self, identity: str, label: str, weight: float, *, line: Line, keys: KeyRing, breakers: Breakers, clock: Callable[[], float]
    ) -> None:
        self.id = identity
        self.label = label
        self.weight = weight
        self.line = line
        self.keys = keys
        self.breakers = breakers
        self._clock = clock
        self.health = ReplicaHealth(clock)
        self.seats: set[Seat[Any]] = set()
        self.waits: set[Wait] = set()
        self.suspicion = ""

    @property
    def in_flight(self) -> int:
        """How many requests it works on."""
        return len(self.seats)

    def call_off_waits(self, silent_looks: int) -> int:
        """Lets those be asked elsewhere who wait for its answer, now that so many looks in a row got none. How many they are."""
        return sum(wait.call_off(silent_looks) for wait in list(self.waits))

    def ask(
        self,
        call: UpstreamCall,
        key_place: int,
        notes: ExchangeNotes,
        due_s: float | None = None,
        *,
        anyway: bool = False,
        wait: Wait | None = None,
    ) -> UpstreamReply | Fault:
        """One attempt: the answer from its head on, or what went wrong. Breakers and health know of it afterwards.

        Args:
            key_place: which key is shown.
            due_s: when, by the clock, the answer must be complete.
            anyway: makes a probe of the attempt, before the time of an open breaker is over.
            wait: may be called off, where there is somebody else to ask.

        Raises:
            UpstreamUnavailable: a breaker let nobody through.
        """
        breakers, model = self.breakers, "" if call.purpose is Purpose.QUESTION else call.model
        passage = None if breakers.all_closed else breakers.admit(model, anyway=anyway).__enter__()
        try:
            notes.attempts += 1
            sent_s = self._clock()
            if wait is not None:
                self.waits.add(wait)
            outcome = self.line.exchange(call, key_place, notes.request_id, due_s, wait)
            if isinstance(outcome, Fault):
                breakers.settle(model, outcome)
                self.health.note(outcome, sent_s)
            else:
                breakers.reached()
                self.health.note(None, sent_s)
            return outcome
        finally:
            if wait is not None:
                self.waits.discard(wait)
            if passage is not None:
                passage.leave()


def labels_of(base_urls: Sequence[str]) -> list[str]:
    """A short name for each of the addresses: host and port where that tells them apart, else their places in the list too."""
    hosts = [urlsplit(url).netloc.rpartition("@")[2] for url in base_urls]
    return [host if hosts.count(host) == 1 else f"{host} #{place}" for place, host in enumerate(hosts, start=1)]
