"""`CoolDowns`: which replicas, and which models of theirs, are left alone for a while, and why. Asks nobody; the clock is passed in.

When its time is over, a cool-down is not gone yet: one request may go and see. It goes for good when an answer shows that its reason has.

A finalizer may come here, with an answer that was let go, in the midst of whoever holds the lock: it never waits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from proxy.upstream.yielding_lock import YieldingLock

# The reason may be gone after so long, whatever was said of it, and somebody must look.
LONGEST_S = 3600.0
_MOST = 1024


@dataclass(frozen=True, slots=True)
class CoolDown:
    """One replica, or one of its models, that is left alone until `free_at_s`. An empty `model` means the whole replica.

    Attributes:
        is_firm: the replica asked for it itself.
        needs_end: an answer must have come to its end to show that the reason is gone; else it must have begun.
        on_trial: its time was over, and somebody is seeing whether its reason is; that one's answer decides.
        is_ours: other workers need not know: there may be no such model.
        since_s: when it began: answers to what was sent before that tell of a time when its reason was not there yet.
    """

    replica: str
    model: str
    free_at_s: float
    why: str
    is_firm: bool = False
    needs_end: bool = False
    on_trial: bool = False
    is_ours: bool = False
    since_s: float = field(default=-math.inf, compare=False)


OnChange = Callable[[str, str, CoolDown | None], None]


def ignore_change(replica: str, model: str, cooldown: CoolDown | None) -> None:
    """For those who do not want to know."""


class CoolDowns:
    """The cool-downs of one upstream.

    Args:
        clock: seconds that never go back.
        longest_s: a cool-down ends after so long at the latest.
        trial_s: how long nobody else is let through after somebody was, to see.

    Attributes:
        on_change: is told replica, model, and their cool-down as it is now, `None` where it has ended; not of what was learnt from others,
            nor of what others need not know.
    """

    def __init__(self, clock: Callable[[], float], *, longest_s: float = LONGEST_S, trial_s: float = 5.0) -> None:
        self._clock = clock
        self._longest_s = longest_s
        self._trial_s = trial_s
        self.on_change: OnChange = ignore_change
        self._cooling: dict[tuple[str, str], CoolDown] = {}
        self._lock = YieldingLock()

    def cool(
        self,
        replica: str,
        seconds: float,
        why: str,
        model: str = "",
        *,
        is_firm: bool = False,
        needs_end: bool = False,
        is_ours: bool = False,
    ) -> None:
        """Leaves a replica, or one of its models, alone for so long. A cool-down that it has already is never made shorter."""
        now_s = self._clock()
        free_at_s = now_s + min(seconds, self._longest_s)
        new = CoolDown(replica, model, free_at_s, why, is_firm, needs_end, is_ours=is_ours, since_s=now_s)
        if self.learn(new) and not is_ours:
            self.on_change(replica, model, new)

    def end(self, replica: str, model: str = "") -> None:
        """Ends a cool-down, if there is one: an answer says that its reason is gone. May be called from anywhere."""
        self._lock.later(partial(self._end, replica, model))

    def learn(self, new: CoolDown) -> bool:
        """Takes a cool-down over, unless there is one that lasts longer. Whether it did."""
        with self._lock:
            old = self._cooling.get((new.replica, new.model))
            is_news = old is None or old.on_trial or old.free_at_s < new.free_at_s
            if is_news:
                self._cooling[new.replica, new.model] = replace(new, since_s=old.since_s) if old is not None and new.on_trial else new
            if len(self._cooling) > _MOST:
                self._forget_some(self._clock())
            return is_news

    def forget(self, replica: str, model: str) -> None:
        """Ends a cool-down without telling anybody."""
        with self._lock:
            self._cooling.pop((replica, model), None)

    def end_by_answer(self, replica: str, model: str, *, ended: bool, sent_s: float) -> bool:
        """Ends what an answer proves to be over. Whether there was something. May be called from anywhere.

        Args:
            ended: whether it came to its end.
            sent_s: when, by the clock, its request was sent.
        """
        if not self._cooling:
            return False
        over = [each for each in self._of(replica, model) if each.since_s <= sent_s and (ended or not each.needs_end)]
        for each in over:
            self.end(each.replica, each.model)
        return bool(over)

    def begin_trial(self, replica: str, model: str) -> None:
        """Notes that a request for the model goes to the replica: where it is the one that sees what has become of it, others wait."""
        if not self._cooling:
            return
        now_s = self._clock()
        with self._lock:
            begun = [
                replace(each, free_at_s=now_s + self._trial_s, on_trial=True)
                for each in self._of(replica, model)
                if each.free_at_s <= now_s
            ]
            self._cooling.update({(each.replica, each.model): each for each in begun})
        for each in begun:
            if not each.is_ours:
                self.on_change(each.replica, each.model, each)

    def rest_s(self, replica: str, model: str = "") -> float:
        """Seconds until the replica may be asked for the model; 0 when it may be now."""
        if not self._cooling:
            return 0.0
        free_at_s = max((each.free_at_s for each in self._of(replica, model)), default=0.0)
        return max(0.0, free_at_s - self._clock())

    def is_firm(self, replica: str, model: str = "") -> bool:
        """Whether the replica itself does not want to be asked for the model now."""
        now_s = self._clock()
        return any(each.is_firm and each.free_at_s > now_s for each in self._of(replica, model))

    def why(self, replica: str, model: str = "") -> str:
        """Why the replica is left alone by requests for the model, `""` when it is not."""
        now_s = self._clock()
        return next((each.why for each in self._of(replica, model) if each.free_at_s > now_s), "")

    def all(self) -> list[CoolDown]:
        """The cool-downs that are not over, the one that ends first at the head."""
        now_s = self._clock()
        with self._lock:
            return sorted((each for each in self._cooling.values() if each.free_at_s > now_s), key=lambda each: each.free_at_s)

    def _end(self, replica: str, model: str) -> None:
        over = self._cooling.pop((replica, model), None)
        if over is not None and not over.is_ours:
            self.on_change(replica, model, None)

    def _of(self, replica: str, model: str) -> list[CoolDown]:
        """Those that a request for the model meets at the replica."""
        found = (self._cooling.get((replica, "")), self._cooling.get((replica, model)) if model else None)
        return [each for each in found if each is not None]

    def _forget_some(self, now_s: float) -> None:
        """Keeps those of whole replicas, then those that concern others, and those that last: clients can invent names without end."""
        by_weight = sorted(self._cooling.values(), key=lambda each: (not each.model, not each.is_ours, each.free_at_s), reverse=True)
        self._cooling = {(each.replica, each.model): each for each in by_weight[: _MOST // 2] if each.free_at_s > now_s}
