"""`Rests`: who of one upstream is left alone: the cool-downs of replicas and models, and the keys that rest, as all workers know them.

A hash in Redis has one entry for each. An entry that is over stays for a minute, so that everybody reads that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import orjson

from proxy.upstream.cooldown import CoolDown, CoolDowns
from proxy.upstream.key_ring import Key, KeyRing
from proxy.upstream.shared.topic import KEPT_S, Round, Wake, forget_oldest

_READ_FOR_S = 60.0

Place = tuple[str, str, str]
"""Replica, model, name of a key; the last two may be `""`."""


class Rests:
    """One upstream's.

    Args:
        key: the hash.
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
        self._seen: dict[bytes, bytes] = {}
        self._outdated: list[bytes] = []
        cooldowns.on_change = self._note
        for replica, ring in rings.items():
            ring.on_cooled = partial(self._note_key, replica)

    def ask(self, this: Round) -> bool:
        """See `Topic`."""
        pipe, self._sent = this.pipe, {} if this.is_first else self._untold.copy()
        if self._outdated:
            pipe.hdel(self._key, *self._outdated)
        for place, rest in self._sent.items():
            name, value = orjson.dumps(place), _encoded(rest, self._clock(), this.ahead_s)
            self._seen[name] = value
            pipe.hset(self._key, name, value)
        if self._sent:
            pipe.expire(self._key, KEPT_S)
        pipe.hgetall(self._key)
        return bool(self._sent)

    def learn(self, this: Round, answers: Iterator[Any]) -> bool:
        """See `Topic`."""
        *_, entries = answers
        for place, rest in self._sent.items():
            if place in self._untold and self._untold[place] is rest:
                del self._untold[place]
        self._outdated = []
        for name, value in entries.items():
            if self._seen.get(name) != value:
                self._seen[name] = value
                self._hear(name, value, this.ahead_s)
            elif _is_outdated(value, self._clock() + this.ahead_s):
                self._outdated.append(name)
        for name in self._seen.keys() - entries.keys():
            del self._seen[name]
        if this.is_first:
            self._tell_what_nobody_knows(entries)
        return bool(self._untold)

    def lost(self) -> None:
        """See `Topic`."""

    def _note(self, replica: str, model: str, rest: CoolDown | None) -> None:
        self._untold[replica, model, ""] = rest
        forget_oldest(self._untold)
        self._wake()

    def _note_key(self, replica: str, key: Key, free_at_s: float, why: str) -> None:
        self._untold[replica, "", key.name] = CoolDown(replica, "", free_at_s, why)
        self._wake()

    def _hear(self, name: bytes, value: bytes, ahead_s: float) -> None:
        """Takes over what another worker said, unless we have something newer to say of it."""
        try:
            replica, model, key = place = tuple(orjson.loads(name))
            told = orjson.loads(value)
            rest = CoolDown(replica, model, told["until"] - ahead_s, told["why"], told["is_firm"], told["needs_end"], told["on_trial"])
            is_over = bool(told["is_over"])
        except (ValueError, KeyError, TypeError):  # Written by another version.
            return
        if place in self._untold or replica not in self._rings:
            return
        if key:
            self._rings[replica].learn(key, rest.free_at_s, rest.why)
        elif is_over:
            self._cooldowns.forget(replica, model)
            self._welcome(replica)
        else:
            self._cooldowns.learn(rest)

    def _tell_what_nobody_knows(self, entries: Mapping[bytes, bytes]) -> None:
        """Redis may have lost its memory."""
        ours: dict[Place, CoolDown] = {(each.replica, each.model, ""): each for each in self._cooldowns.all()}
        now_s = self._clock()
        for replica, ring in self._rings.items():
            for name, (rest_s, why) in ring.resting().items():
                ours[replica, "", name] = CoolDown(replica, "", now_s + rest_s, why)
        for place, rest in ours.items():
            if orjson.dumps(place) not in entries:
                self._untold.setdefault(place, rest)


def _encoded(rest: CoolDown | None, now_s: float, ahead_s: float) -> bytes:
    """An entry; its times are Redis's."""
    told = {"is_over": rest is None, "told": round(now_s + ahead_s, 3)}
    rest = rest or CoolDown("", "", now_s, "")
    until = round(rest.free_at_s + ahead_s, 3)
    about = {"until": until, "why": rest.why, "is_firm": rest.is_firm, "needs_end": rest.needs_end, "on_trial": rest.on_trial}
    return orjson.dumps({**about, **told})


def _is_outdated(value: bytes, redis_now_s: float) -> bool:
    try:
        told = orjson.loads(value)
        return bool(max(told["until"], told["told"]) + _READ_FOR_S < redis_now_s)
    except (ValueError, KeyError, TypeError):
        return False
