"""`Fleet`: the replicas of one upstream, and which of them may be asked. From memory only: it waits for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxy.errors import UpstreamError, UpstreamUnavailable
from proxy.upstream.cooldown import CoolDowns
from proxy.upstream.journey import Journey
from proxy.upstream.replica import Replica
from proxy.upstream.verdicts import Blamed, Judgement
from proxy.upstream.words import PLAIN_WORDS, Words

# The code of an error that says: left alone because somebody else can be asked. Its cause is what there is to say when nobody else serves.
RESTING = "upstream_resting"


def ignore_recovery(replica: Replica) -> None:
    """For those who do not want to know."""


def lists_all(model: str) -> bool:
    """For those who know of no list."""
    return True


class Fleet:
    """The replicas of one upstream.

    Args:
        cooldown_s: how long is left alone who did not say how long.
        on_recovery: is told a replica that may be asked again.
        is_listed: whether some replica is known to have the model. That one of them has no other is nobody else's business.
        words: what messages call the upstream.
    """

    def __init__(
        self,
        replicas: Sequence[Replica],
        cooldowns: CoolDowns,
        *,
        cooldown_s: float,
        on_recovery: Callable[[Replica], None] = ignore_recovery,
        is_listed: Callable[[str], bool] = lists_all,
        words: Words = PLAIN_WORDS,
    ) -> None:
        self.replicas = tuple(replicas)
        self.cooldowns = cooldowns
        self._cooldown_s = cooldown_s
        self._on_recovery = on_recovery
        self._is_listed = is_listed
        self._upstream = words.upstream

    def of_one(self, replica: Replica) -> Fleet:
        """The same with that replica alone, for what it is to do itself."""
        return Fleet((replica,), self.cooldowns, cooldown_s=self._cooldown_s, on_recovery=self._on_recovery, is_listed=self._is_listed)

    def able(self, journey: Journey) -> Sequence[Replica]:
        """Those that may be asked next, one at least.

        Raises:
            ProxyError: there is none; it is what the client is to hear.
        """
        able = self._able(journey)
        if not able:
            raise journey.error()
        return able

    def turn_away_from(self, replica: Replica, model: str) -> None:
        """For a request that another upstream can be asked for: raises `UpstreamUnavailable` while the one replica is to be left alone,
        from what is to be said of that where the other one fails, too.
        """
        why, rest_s = replica.suspicion, self.rest_s(replica, model)
        if rest_s:
            why = self.cooldowns.why(replica.id, model) or next((reason for _, reason in replica.keys.resting().values()), why)
        if why or rest_s:
            message = f"{self._upstream} is left alone for now, because another one can be asked: {why or 'its breaker is open'}"
            cause = replica.breakers.refusal(model) or self._rest(why, rest_s)
            raise UpstreamUnavailable(message, code=RESTING, retry_after_s=rest_s or None) from cause

    def has_another(self, journey: Journey) -> bool:
        """Whether somebody is left who may be asked at once."""
        return bool(self._able(journey))

    def can_spare(self, replica: Replica, journey: Journey) -> bool:
        """Whether somebody else is well, and has not been asked."""
        others = (other for other in self.replicas if other is not replica and other not in journey.tried)
        return any(not other.suspicion and not self.rest_s(other, journey.model) for other in others)

    def are_blocked(self, model: str) -> bool:
        """Whether no replica would let an attempt through."""
        return all(replica.breakers.blocks(model) for replica in self.replicas)

    def is_anybody_free_within(self, seconds: float, model: str) -> bool:
        """Whether there will be somebody to ask who does not want to be left alone then. One replica is asked, whatever it wants."""
        if len(self.replicas) == 1:
            return True
        return any(not self._is_firm(replica, model) or self.rest_s(replica, model) <= seconds for replica in self.replicas)

    def blame(self, judgement: Judgement, error: UpstreamError, journey: Journey) -> None:
        """Leaves alone for a while who is to blame for the error. The replica does not count as tried if it may do better at once.

        One replica is never left alone, and no model of it, unless another upstream is asked then.
        """
        replica, key = journey.replica, journey.key
        if replica is None:
            return
        blamed, seconds = judgement.blamed, self._cooldown_s if error.retry_after_s is None else error.retry_after_s
        if blamed is Blamed.KEY and (key is None or len(replica.keys) == 1):
            blamed = judgement.stand_in
        if not (judgement.is_passing or (judgement.is_of_scope and journey.attempts < len(replica.keys))):
            journey.tried.add(replica)
        if blamed is Blamed.KEY and key is not None:
            replica.keys.cool(key, seconds, error.message, has_had_too_much=error.status == 429)
            if not replica.keys.rest_s():
                journey.tried.discard(replica)
        elif (len(self.replicas) > 1 or (journey.can_go_elsewhere and not judgement.spares_lone)) and (
            blamed is Blamed.REPLICA or (blamed is Blamed.MODEL and journey.model)
        ):
            model = journey.model if blamed is Blamed.MODEL else ""
            self.cooldowns.cool(
                replica.id,
                seconds,
                error.message,
                model,
                is_firm=judgement.is_firm,
                needs_end=judgement.needs_end,
                is_ours=judgement.is_about_name and not self._is_listed(model),
            )

    def answered(self, replica: Replica, model: str, *, ended: bool, sent_s: float) -> None:
        """Notes a good answer to a request that was sent then; `ended` says that it came to its end."""
        if self.cooldowns.end_by_answer(replica.id, model, ended=ended, sent_s=sent_s):
            self._on_recovery(replica)

    def rest_s(self, replica: Replica, model: str) -> float:
        """Seconds for which the replica is to be left alone; 0 when it is not."""
        of_breakers = 0.0 if replica.breakers.all_closed else replica.breakers.rest_s(model)
        return max(of_breakers, self.cooldowns.rest_s(replica.id, model), replica.keys.rest_s())

    def _rest(self, why: str, rest_s: float) -> UpstreamUnavailable:
        until = f"; it is asked again in {max(rest_s, 0.1):.1f} s" if rest_s else ""
        return UpstreamUnavailable(f"{self._upstream} is left alone for now: {why}{until}", code=RESTING, retry_after_s=rest_s or None)

    def _able(self, journey: Journey) -> Sequence[Replica]:
        """The well ones; else the one that is free soonest. Who does not want to be asked is only asked by who has asked nobody yet."""
        model = journey.model
        left = [replica for replica in self.replicas if replica not in journey.tried]
        if journey.attempts and len(self.replicas) > 1:
            left = [replica for replica in left if not self._is_firm(replica, model)]
        if len(left) < 2:
            return left
        rests = {replica: self.rest_s(replica, model) for replica in left}
        # Looks at all may fail for a reason that is none of theirs: then nobody is suspected.
        trusted = [replica for replica in left if not replica.suspicion] or left
        well = [replica for replica in trusted if not rests[replica]]
        return well or [min(trusted, key=rests.__getitem__)]

    def _is_firm(self, replica: Replica, model: str) -> bool:
        return self.cooldowns.is_firm(replica.id, model) or replica.keys.rest_s() > 0
