"""`Rests`: who of one upstream is left alone: the cool-downs of replicas and models, and the keys that rest, as all workers know them.

A stream in Redis has the last thousand changes: each worker reads those that came since it read last, and a new worker all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import orjson

from proxy.upstream.cooldown import CoolDown, CoolDowns
from proxy.upstream.key_ring import Key, KeyRing
from proxy.upstream.shared.topic import KEPT_S, Round, Wake, forget_oldest

# Who names models that nobody has makes changes without end.
_MOST = 1024
# What is over for so long is no news to anybody.
_READ_FOR_S = 60.0
_OLDEST = "-"

Place = tuple[str, str, str]
"""Replica, model, name of a key; the last two may be `""`."""


class Rests:
    """One upstream's.

    Args:
        key: the stream.
        rings: the keys of each replica, by its id.
        clock: the one that cool-downs and keys go by.
        welcome: is told the id of a replica that others found well again.
    """

    def __init__(
        self,
        key: str,
        cooldowns: CoolDowns,
        rings: Mapping[str, KeyRing],
        *,
        clock: Callable[[], float],
        wake: Wake,
        welcome: Callable[[str], None],
    ) -> None:
        self._key = key
        self._cooldowns = cooldowns
        self._rings = rings
        self._clock = clock
        self._wake = wake
        self._welcome = welcome
        self._untold: dict[Place, CoolDown | None] = {}
        self._sent: dict[Place, CoolDown | None] = {}
        self._next = _OLDEST
        cooldowns.on_change = self._note
        for replica, ring in rings.items():
            ring.on_cooled = partial(self._note_key, replica)

    def ask(self, this: Round) -> bool:
        """See `Topic`."""
        pipe, self._sent = this.pipe, {} if this.is_first else self._untold.copy()
        for place, rest in self._sent.items():
            change = {orjson.dumps(place): _encoded(rest, self._clock(), this.ahead_s)}
            pipe.xadd(self._key, change, maxlen=_MOST, approximate=True)
        if self._sent:
            pipe.expire(self._key, KEPT_S)
        pipe.xrange(self._key, min=_OLDEST if this.is_first else self._next)
        return bool(self._sent)

    def learn(self, this: Round, answers: Iterator[Any]) -> bool:
        """See `Topic`."""
        *told, changes = answers
        for place, rest in self._sent.items():
            if place in self._untold and self._untold[place] is rest:
                del self._untold[place]
        ours = frozenset(told)
        latest = {name: (change, value) for change, fields in changes for name, value in fields.items()}
        for name, (change, value) in latest.items():
            if change not in ours:
                self._hear(name, value, this.ahead_s)
        if changes:
            self._next = _after(changes[-1][0])
        if this.is_first:
            self._tell_what_nobody_knows(latest)
        return bool(self._untold)

    def lost(self) -> None:
        """See `Topic`."""

    def kept_keys(self) -> Iterable[str]:
        """See `Topic`."""
        return (self._key,)

    def _note(self, replica: str, model: str, rest: CoolDown | None) -> None:
        self._untold[replica, model, ""] = rest
        forget_oldest(self._untold)
        self._wake()

    def _note_key(self, replica: str, key: Key, free_at_s: float, why: str, has_had_too_much: bool) -> None:
        self._untold[replica, "", key.name] = CoolDown(replica, "", free_at_s, why, is_firm=has_had_too_much)
        self._wake()

    def _hear(self, name: bytes, value: bytes, ahead_s: float) -> None:
        """Takes over what another worker said, unless we have something newer to say of it."""
        try:
            replica, model, key = place = tuple(orjson.loads(name))
            told = orjson.loads(value)
            until_s, now_s = told["until"] - ahead_s, self._clock()
            rest = CoolDown(replica, model, until_s, told["why"], told["is_firm"], told["needs_end"], told["on_trial"], since_s=now_s)
            is_over = bool(told["is_over"])
        except (ValueError, KeyError, TypeError):  # Written by another version.
            return
        if place in self._untold or replica not in self._rings:
            return
        if not is_over and rest.free_at_s + _READ_FOR_S < now_s:
            return
        if key:
            self._rings[replica].learn(key, rest.free_at_s, rest.why, has_had_too_much=rest.is_firm)
        elif is_over:
            self._cooldowns.forget(replica, model)
            self._welcome(replica)
        else:
            self._cooldowns.learn(rest)

    def _tell_what_nobody_knows(self, known: Container[bytes]) -> None:
        """Redis may have lost its memory."""
        ours: dict[Place, CoolDown] = {(each.replica, each.model, ""): each for each in self._cooldowns.all() if not each.is_ours}
        now_s = self._clock()
        for replica, ring in self._rings.items():
            waiting = ring.waiting()
            for name, (rest_s, why) in ring.resting().items():
                ours[replica, "", name] = CoolDown(replica, "", now_s + rest_s, why, is_firm=name in waiting)
        for place, rest in ours.items():
            if orjson.dumps(place) not in known:
                self._untold.setdefault(place, rest)


def _after(change: bytes) -> str:
    """Where the changes after that one begin."""
    milliseconds, _, number = change.decode().partition("-")
    return f"{milliseconds}-{int(number) + 1}"


def _encoded(rest: CoolDown | None, now_s: float, ahead_s: float) -> bytes:
    """A change; its times are Redis's."""
    is_over = rest is None
    rest = rest or CoolDown("", "", now_s, "")
    until = round(rest.free_at_s + ahead_s, 3)
    about = {"until": until, "why": rest.why, "is_firm": rest.is_firm, "needs_end": rest.needs_end, "on_trial": rest.on_trial}
    return orjson.dumps({**about, "is_over": is_over})
