"""`CoolDowns`: which replicas, and which models of theirs, are left alone for a while, and why. Asks nobody; the clock is passed in."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

_MOST = 1024


@dataclass(frozen=True, slots=True)
class CoolDown:
    """One replica, or one of its models, that is left alone until `free_at_s`. An empty `model` means the whole replica."""

    replica: str
    model: str
    free_at_s: float
    why: str


class CoolDowns:
    """The cool-downs of one upstream.

    Args:
        clock: seconds that never go back.
        longest_s: a cool-down ends after so long at the latest: the reason may be gone, and somebody must look.
    """

    def __init__(self, clock: Callable[[], float], *, longest_s: float = 3600.0) -> None:
        self._clock = clock
        self._longest_s = longest_s
        self._cooling: dict[tuple[str, str], CoolDown] = {}
        self._lock = threading.Lock()

    def cool(self, replica: str, seconds: float, why: str, model: str = "") -> None:
        """Leaves a replica, or one of its models, alone for so long. A cool-down that it has already is never made shorter."""
        now_s = self._clock()
        new = CoolDown(replica, model, now_s + min(seconds, self._longest_s), why)
        with self._lock:
            old = self._cooling.get((replica, model))
            if old is None or old.free_at_s < new.free_at_s:
                self._cooling[replica, model] = new
            if len(self._cooling) > _MOST:
                self._forget_some(now_s)

    def end(self, replica: str, model: str = "") -> None:
        """Ends a cool-down, if there is one: an answer says that its reason is gone."""
        with self._lock:
            self._cooling.pop((replica, model), None)

    def rest_s(self, replica: str, model: str = "") -> float:
        """Seconds until the replica may be asked for the model; 0 when it may be now."""
        if not self._cooling:
            return 0.0
        found = (self._cooling.get((replica, "")), self._cooling.get((replica, model)))
        free_at_s = max((each.free_at_s for each in found if each is not None), default=-math.inf)
        return max(0.0, free_at_s - self._clock())

    def all(self) -> list[CoolDown]:
        """The cool-downs that are not over, the one that ends first at the head."""
        now_s = self._clock()
        with self._lock:
            for key in [key for key, each in self._cooling.items() if each.free_at_s <= now_s]:
                del self._cooling[key]
            return sorted(self._cooling.values(), key=lambda each: each.free_at_s)

    def _forget_some(self, now_s: float) -> None:
        """Keeps those of whole replicas, and those that last: names of models come from clients, and there is no end of them."""
        by_weight = sorted(self._cooling.values(), key=lambda each: (each.model == "", each.free_at_s), reverse=True)
        self._cooling = {(each.replica, each.model): each for each in by_weight[: _MOST // 2] if each.free_at_s > now_s}
