"""`Journey`: one call on its way through the replicas of an upstream: who was asked, and what came of it. It asks nobody itself."""

from __future__ import annotations

import math

from proxy.errors import ProxyError, UpstreamRefused
from proxy.upstream.key_ring import Key
from proxy.upstream.replica import Replica
from proxy.upstream.verdicts import KEY_REFUSED
from proxy.wire.messages import UpstreamCall

# What one of several replicas says for itself: that another one could not be had tells the client more.
_OF_ONE_REPLICA = (401, 402, 403, 404, 405)
CIRCUIT_OPEN = "upstream_circuit_open"


class Journey:
    """Filled in by `UpstreamClient`, and kept in the notes of the exchange, so that a failure inside the answer finds its replica.

    Attributes:
        upstream: whose replicas they are.
        model, purpose: what it is about, and what it is for.
        has_clients_key: whether it shows its client's own key, or none because only clients have one here.
        client_secret: the client's own key, where it was shown.
        can_go_elsewhere: whether another upstream will be asked: then no pause is worth it here.
        due_s: when, by the client's clock, the answer must be complete; `None` for any time.
        is_once: whether each replica is asked once at most, and nobody waited for.
        attempts: how often somebody was asked.
        round: from 1; replicas are asked one after the other, and in the next round all over again.
        tried: who was asked in this round, in vain.
        replica, key, sent_s: the last one that was asked, what it was shown, and when, by the client's clock.
        errors: what went wrong.
        has_looked_on: whether a replica that lacked what it asks for has sent it to another one.
        refusal: what one said who is well and does not do what it asks for: that is told, and not how those were who might have done it.
        has_retry: whether its next attempt is counted already.
        goes_on: the answer failed early, and the call will be sent again.
        failed: the answer failed, early or late.
    """

    __slots__ = (
        "attempts",
        "can_go_elsewhere",
        "client_secret",
        "due_s",
        "errors",
        "failed",
        "goes_on",
        "has_clients_key",
        "has_looked_on",
        "has_retry",
        "is_once",
        "key",
        "model",
        "purpose",
        "refusal",
        "replica",
        "round",
        "sent_s",
        "tried",
        "upstream",
    )

    def __init__(self, upstream: str, call: UpstreamCall, due_s: float | None, *, is_once: bool) -> None:
        self.upstream = upstream
        self.model = call.model
        self.purpose = call.purpose
        self.has_clients_key = bool(call.client_secret)
        self.can_go_elsewhere = call.can_go_elsewhere
        self.client_secret = call.client_secret
        self.due_s = due_s
        self.is_once = is_once
        self.attempts = 0
        self.round = 1
        self.tried: set[Replica] = set()
        self.replica: Replica | None = None
        self.key: Key | None = None
        self.sent_s = -math.inf
        self.errors: list[ProxyError] = []
        self.has_retry = False
        self.has_looked_on = False
        self.refusal: ProxyError | None = None
        self.goes_on = False
        self.failed = False

    def error(self) -> ProxyError:
        """What the client is to hear: the last error, unless one before it says more. There must be one."""
        if self.refusal is not None:
            return self.refusal
        asked = [error for error in self.errors if error.code != CIRCUIT_OPEN]
        for found in ([error for error in asked if error.status not in _OF_ONE_REPLICA], asked, self.errors):
            if found:
                return self.of_all_keys(found[-1])
        raise AssertionError("nothing went wrong")

    def of_all_keys(self, error: ProxyError) -> ProxyError:
        """The error, unless it is that one key was refused while another one will serve again: then the client hears when that is."""
        if self.key is None or not isinstance(error, UpstreamRefused) or error.told_status not in KEY_REFUSED:
            return error
        asked = self.tried if self.replica is None else {*self.tried, self.replica}
        waiting = [rest for replica in asked for name, rest in replica.keys.waiting().items() if name != self.key.name]
        if not waiting:
            return error
        rest_s, why = min(waiting)
        return UpstreamRefused(why, status=429, retry_after_s=rest_s)
