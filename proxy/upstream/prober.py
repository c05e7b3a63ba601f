"""`Prober`: looks whether a replica is well, from time to time and when there is reason to doubt it.

What it finds is a suspicion: requests avoid the replica for as long as others may be asked. Breakers know nothing of it: a server may
list its models and answer no chats, and then only chats can tell when it has recovered. When looks find nobody there, those who wait for an
answer may be asked elsewhere; not when the replica answers, be it with an error, or has answered somebody else since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.key_ring import Key
from proxy.upstream.replica import Replica
from proxy.upstream.waits import Wait
from proxy.wire.messages import UpstreamCall

# A look that somebody asks for is not worth it so soon after another one, in parts of the interval.
_SOON = 0.2
# From what is known to the next look, in parts of the interval: workers shall not all look at once, and a look that waits for a whole
# interval must be over before the second one is.
_SHORTEST_PAUSE, _SPREAD = 0.4, 0.5

_log = logging.getLogger("proxy.upstream")


def look_at(replica: Replica) -> str:
    """The name of the work that looks at the replica."""
    return f"look at {replica.label}"


class Prober:
    """Looks at one replica.

    Args:
        call: what it is asked; any answer but a failure of its own says that it is there. Its time is limited.
        interval_s: a replica that begins to be silent is found within twice that time.
        random: gives numbers from 0 up to 1.
        clock: seconds that never go back.
        on_change: is told whether the replica is well, when that has changed, and first of all.
        only_in_doubt: whether it is only looked at when a request has waited for it since the look before, or it was not well.
    """

    def __init__(
        self,
        upstream: str,
        replica: Replica,
        call: UpstreamCall,
        *,
        interval_s: float,
        random: Callable[[], float],
        clock: Callable[[], float],
        on_change: Callable[[Replica, bool], None],
        only_in_doubt: bool = False,
    ) -> None:
        self._upstream = upstream
        self._replica = replica
        self._call = call
        self._interval_s = interval_s
        self._random = random
        self._clock = clock
        self._on_change = on_change
        self._only_in_doubt = only_in_doubt
        self._waiting: set[Wait] = set()
        self._looked_s = float("-inf")
        self._was_well: bool | None = None
        self._silent_looks = 0
        self._silent_since_s = 0.0

    def look(self) -> float:
        """Looks, unless it is known how the replica is. The seconds until the next look."""
        began_s = self._clock()
        if began_s - self._looked_s < _SOON * self._interval_s:
            return self._interval_s / 2
        pause_s = self._interval_s * (_SHORTEST_PAUSE + _SPREAD * self._random())
        if self._only_in_doubt and not self._is_in_doubt():
            return pause_s
        known_s = self._just_served_s(began_s)
        if known_s is None:
            known_s = self._looked_s = began_s
            self._note(self._found())
        elif self._was_well is None:
            self._note("")
        return max(0.0, known_s + pause_s - self._clock())

    def _is_in_doubt(self) -> bool:
        replica, waited = self._replica, self._waiting
        self._waiting = set(replica.waits)
        return not waited.isdisjoint(self._waiting) or bool(replica.suspicion) or replica.health.is_reachable is False

    def _just_served_s(self, now_s: float) -> float | None:
        """When a request was sent so lately that its answer spares a look."""
        served_s = self._replica.health.served_s
        is_doubted = self._replica.suspicion or not self._replica.health.is_reachable
        return None if is_doubted or served_s is None or now_s - served_s >= self._interval_s * _SHORTEST_PAUSE else served_s

    def _found(self) -> str:
        """What is wrong with the replica, `""` for nothing."""
        key = self._replica.keys.pick()
        fault = self._fault_with(key)
        if fault is not None and fault.verdict is Verdict.NOTHING:  # An idle connection had been closed.
            fault = self._fault_with(key)
        # Not all servers have a list of models, or show it to everybody, and a key may be made for chats alone.
        is_ill = fault is not None and fault.verdict is not Verdict.REFUSED
        self._replica.health.note(fault if is_ill else None)
        self._note_silence(fault is not None and fault.verdict is Verdict.UNREACHABLE)
        return fault.error.message if fault is not None and is_ill else ""

    def _note_silence(self, is_silent: bool) -> None:
        answered_s = self._replica.health.answered_s
        if not is_silent or (answered_s is not None and answered_s > self._silent_since_s):
            self._silent_looks = 0
        if not is_silent:
            return
        if not self._silent_looks:
            self._silent_since_s = self._looked_s
        self._silent_looks += 1
        moved = self._replica.call_off_waits(self._silent_looks)
        if moved:
            about = {"upstream": self._upstream, "replica": self._replica.label, "requests": moved}
            _log.warning("a replica is silent; requests that wait for it are asked elsewhere", extra=about)

    def _fault_with(self, key: Key) -> Fault | None:
        outcome = self._replica.line.exchange(self._call, key.place)
        if isinstance(outcome, Fault):
            return outcome
        outcome.drain_or_close()
        return None

    def _note(self, suspicion: str) -> None:
        replica, is_well = self._replica, not suspicion
        replica.suspicion = suspicion
        if is_well is self._was_well:
            return
        about = {"upstream": self._upstream, "replica": replica.label}
        if not is_well:
            _log.warning("a replica is not well; requests avoid it", extra={**about, "error": suspicion})
        elif self._was_well is False:
            _log.info("a replica is well again", extra=about)
        self._was_well = is_well
        self._on_change(replica, is_well)
