"""`KeyRing`: the keys of an upstream, used in turn; one that was refused, or has had too much, rests. Only the sender sees a key. The clock
is passed in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proxy.upstream.cooldown import LONGEST_S


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `name` tells it from the others in logs, without showing it."""

    place: int
    name: str
    value: str = field(repr=False, compare=False)


OnCooled = Callable[[Key, float, str, bool], None]


def ignore_cooled(key: Key, free_at_s: float, why: str, has_had_too_much: bool) -> None:
    """For those who do not want to know."""


class KeyRing:
    """The keys as one replica knows them: what one server refuses, another may take.

    Args:
        keys: in the operator's order; none at all is the same as one that is empty.
        clock: seconds that never go back.

    Attributes:
        only: the key where there is one only, else `None`.
        on_cooled: is told which key rests, until when by the clock, why, and whether it has only had too much; not of what was learnt from
            others.
    """

    def __init__(self, keys: Sequence[str], clock: Callable[[], float]) -> None:
        values = keys or ("",)
        self._keys = tuple(Key(place, f"key {place + 1} of {len(values)}", value) for place, value in enumerate(values))
        self.only = self._keys[0] if len(self._keys) == 1 else None
        self.on_cooled: OnCooled = ignore_cooled
        self._clock = clock
        self._turns = itertools.count()
        self._free_at_s = [-math.inf] * len(values)
        self._why = [""] * len(values)
        self._has_had_too_much = [False] * len(values)
        self._has_rested = False

    def __len__(self) -> int:
        return len(self._keys)

    def pick(self) -> Key:
        """The next key that does not rest; when all do, the one that is free soonest, of those that will serve again if there are any."""
        if not self._has_rested:
            return self._keys[next(self._turns) % len(self._keys)]
        now_s = self._clock()
        free = [key for key in self._keys if self._free_at_s[key.place] <= now_s]
        if not free:
            return min(self._keys, key=lambda key: (not self._has_had_too_much[key.place], self._free_at_s[key.place]))
        return free[next(self._turns) % len(free)]

    def cool(self, key: Key, seconds: float, why: str, *, has_had_too_much: bool = False) -> None:
        """Lets a key rest for so long, but no longer than anybody. A rest that it has already is never made shorter.

        Args:
            has_had_too_much: it will serve again when its time is over; else it was refused, and somebody must see to it.
        """
        free_at_s = self._clock() + min(seconds, LONGEST_S)
        if self.learn(key.name, free_at_s, why, has_had_too_much=has_had_too_much):
            self.on_cooled(key, free_at_s, why, has_had_too_much)
        elif not has_had_too_much:
            self._has_had_too_much[key.place] = False

    def learn(self, name: str, free_at_s: float, why: str, *, has_had_too_much: bool = False) -> bool:
        """Lets the key of that name, if there is one, rest until then. Whether that is news."""
        place = next((key.place for key in self._keys if key.name == name), None)
        if place is None or free_at_s <= self._free_at_s[place]:
            return False
        self._free_at_s[place], self._why[place], self._has_had_too_much[place] = free_at_s, why, has_had_too_much
        self._has_rested = True
        return True

    def rest_s(self) -> float:
        """Seconds until any of the keys is free; 0 when one is now."""
        return max(0.0, min(self._free_at_s) - self._clock()) if self._has_rested else 0.0

    def resting(self) -> dict[str, tuple[float, str]]:
        """The names of the keys that rest -> the seconds that are left, and why."""
        now_s = self._clock()
        return {
            key.name: (self._free_at_s[key.place] - now_s, self._why[key.place]) for key in self._keys if self._free_at_s[key.place] > now_s
        }

    def waiting(self) -> dict[str, tuple[float, str]]:
        """Those of `resting` that have only had too much: they will serve again. The others were refused."""
        too_much = {key.name for key in self._keys if self._has_had_too_much[key.place]}
        return {name: rest for name, rest in self.resting().items() if name in too_much}
