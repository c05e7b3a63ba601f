"""Keys in turn, and keys that rest."""

from __future__ import annotations

from collections import Counter

from proxy.upstream.cooldown import CoolDowns
from proxy.upstream.key_ring import KeyRing
from tests.upstream.conftest import Clock

KEYS = ["sk-first", "sk-second", "sk-third"]


def picked(ring: KeyRing, times: int = 6) -> list[str]:
    return [ring.pick().value for _ in range(times)]


def test_keys_are_used_in_turn() -> None:
    assert picked(KeyRing(KEYS, Clock())) == KEYS * 2


def test_no_key_is_an_empty_one() -> None:
    assert picked(KeyRing([], Clock()), 2) == ["", ""]
    assert len(KeyRing([], Clock())) == 1


def test_a_key_that_rests_is_left_out_and_the_others_take_its_turns_equally() -> None:
    ring = KeyRing(KEYS, Clock())
    ring.cool(ring.pick(), 5, "429")
    assert Counter(picked(ring, 60)) == {"sk-second": 30, "sk-third": 30}


def test_a_key_comes_back_after_its_rest() -> None:
    clock = Clock()
    ring = KeyRing(KEYS, clock)
    ring.cool(ring.pick(), 5, "429")
    clock.now_s += 5
    assert set(picked(ring, 3)) == set(KEYS)


def test_when_all_rest_the_one_that_is_free_soonest_is_used() -> None:
    clock = Clock()
    ring = KeyRing(KEYS, clock)
    for key, seconds in zip([ring.pick() for _ in KEYS], (9, 4, 7), strict=True):
        assert ring.rest_s() == 0
        ring.cool(key, seconds, "429")
    assert picked(ring, 3) == ["sk-second"] * 3
    assert ring.rest_s() == 4
    clock.now_s += 4
    assert ring.rest_s() == 0


def test_a_rest_is_never_made_shorter() -> None:
    ring = KeyRing(KEYS, Clock())
    key = ring.pick()
    ring.cool(key, 9, "401")
    ring.cool(key, 1, "429")
    assert ring.resting() == {"key 1 of 3": (9, "401")}


def test_no_key_rests_for_longer_than_a_replica_would() -> None:
    clock = Clock()
    ring = KeyRing(KEYS[:1], clock)
    ring.cool(ring.pick(), 31 * 24 * 3600.0, "429")
    cooldowns = CoolDowns(clock)
    cooldowns.cool("a", 31 * 24 * 3600.0, "429")
    assert ring.rest_s() == cooldowns.rest_s("a") == 3600


def test_no_key_is_shown() -> None:
    ring = KeyRing(KEYS, Clock())
    key = ring.pick()
    ring.cool(key, 9, "401")
    shown = f"{ring!r} {key!r} {key} {ring.resting()} {vars(ring)}"
    assert "sk-" not in shown
    assert "key 1 of 3" in shown
