"""Keys in turn, and keys that rest."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import requests

from proxy.errors import UpstreamRefused
from proxy.upstream.client import UpstreamClient
from proxy.upstream.cooldown import CoolDowns
from proxy.upstream.key_ring import KeyRing
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_client, a_replica

KEYS = ["sk-first", "sk-second", "sk-third"]
CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")


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


def test_when_all_rest_one_that_has_had_too_much_is_used_before_one_that_was_refused() -> None:
    clock = Clock()
    ring = KeyRing(KEYS, clock)
    for key, seconds, has_had_too_much in zip([ring.pick() for _ in KEYS], (5, 30, 20), (False, True, True), strict=True):
        ring.cool(key, seconds, "why", has_had_too_much=has_had_too_much)
    assert picked(ring, 3) == ["sk-third"] * 3
    assert ring.waiting() == {"key 2 of 3": (30, "why"), "key 3 of 3": (20, "why")}


def test_a_key_that_is_refused_while_it_rests_is_not_used_before_others_any_more() -> None:
    ring = KeyRing(KEYS[:2], Clock())
    first, second = ring.pick(), ring.pick()
    ring.cool(first, 20, "429", has_had_too_much=True)
    ring.cool(second, 30, "429", has_had_too_much=True)
    ring.cool(first, 5, "401")
    assert picked(ring, 2) == ["sk-second"] * 2
    assert list(ring.waiting()) == ["key 2 of 2"]


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


# What clients hear when no key serves: when to come back, where there is one that will.


def a_server_that_knows(upstream: FakeUpstream, answers: dict[str, Answer]) -> None:
    upstream.on("/chat/completions", lambda request: answers[request.headers["authorization"].removeprefix("Bearer ")])


def a_refusal(status: int, retry_after: str = "") -> Answer:
    return json_answer({"error": {"message": f"sorry {status}"}}, status, {"Retry-After": retry_after} if retry_after else {})


def a_client_of(*upstreams: FakeUpstream, session: requests.Session, clock: Clock, keys: list[str]) -> UpstreamClient:
    shared: dict[str, Any] = {"session": session, "read_error": read_error, "clock": clock, "keys": keys}
    return a_client([a_replica(each.base_url, label, **shared) for each, label in zip(upstreams, "ab", strict=False)], clock=clock)


def refusal_of(client: UpstreamClient) -> UpstreamRefused:
    with pytest.raises(UpstreamRefused) as caught:
        client.send(CHAT)
    return caught.value


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("status", [401, 403])
def test_a_client_hears_when_a_key_is_free_and_not_that_another_one_was_refused(
    session: requests.Session, clock: Clock, status: int, replicas: int
) -> None:
    with FakeUpstream() as one, FakeUpstream() as two:
        for upstream in (one, two):
            a_server_that_knows(upstream, {"sk-first": a_refusal(429, "30"), "sk-second": a_refusal(status)})
        client = a_client_of(*(one, two)[:replicas], session=session, clock=clock, keys=KEYS[:2])
        heard = []
        for _ in range(20):
            error = refusal_of(client)
            heard.append((error.status, error.message, 0 < (error.retry_after_s or 0) <= 30))
            clock.now_s += 1
        assert heard == [(429, "sorry 429", True)] * 20
        assert Counter(request.headers["authorization"] for request in one.requests)["Bearer sk-second"] <= 4  # When its rest was over.


def test_a_key_that_is_refused_alone_is_told(session: requests.Session, clock: Clock) -> None:
    with FakeUpstream() as upstream:
        a_server_that_knows(upstream, {"sk-first": a_refusal(401), "sk-second": a_refusal(401)})
        client = a_client_of(upstream, session=session, clock=clock, keys=KEYS[:2])
        assert {refusal_of(client).status for _ in range(4)} == {401}
