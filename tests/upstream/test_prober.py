"""Looks at a replica: what they take for illness, and who hears of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import requests

from proxy.errors import UpstreamRefused
from proxy.upstream.faults import refusal_of
from proxy.upstream.prober import Prober
from proxy.upstream.replica import Replica
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import CUT, STALL, Answer, FakeUpstream, json_answer
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_replica

LOOK = UpstreamCall("/models", method="GET", first_byte_s=0.1)
WELL = json_answer({"data": []})

Look = Callable[..., "Looking"]


class Looking:
    """A prober, its replica, and what it told."""

    def __init__(self, replica: Replica, clock: Clock, interval_s: float = 1.0) -> None:
        self.replica = replica
        self.told: list[bool] = []
        self._clock = clock
        self._prober = Prober(
            "boxes",
            replica,
            LOOK,
            interval_s=interval_s,
            random=lambda: 0.5,
            clock=clock,
            on_change=lambda of, is_well: self.told.append(is_well),
        )

    def again(self) -> str:
        """The suspicion after one more look, a second later."""
        self._clock.now_s += 1
        self.soon()
        return self.replica.suspicion

    def soon(self) -> float:
        return self._prober.look()


@pytest.fixture
def look(upstream: FakeUpstream, session: requests.Session, clock: Clock) -> Look:
    def make(**changes: Any) -> Looking:
        base_url = changes.pop("base_url", upstream.base_url)
        return Looking(a_replica(base_url, session=session, read_error=read_error, clock=clock, **changes), clock)

    return make


@pytest.mark.parametrize(
    ("answer", "is_well"),
    [
        (WELL, True),
        (json_answer({"error": {"message": "no list"}}, 404), True),
        (json_answer({"error": {"message": "slow down"}}, 429), True),
        (json_answer({"error": {"message": "not here"}}, 501), True),
        (json_answer({"error": {"message": "no key"}}, 401), True),
        (json_answer({"error": {"message": "loading"}}, 503), False),
        (json_answer({"error": {"message": "sorry"}}, 500), False),
        (Answer(before=[CUT]), False),
        (Answer(before=[STALL]), False),
    ],
)
def test_what_counts_as_well(upstream: FakeUpstream, look: Look, answer: Answer, is_well: bool) -> None:
    upstream.on("/models", answer)
    looking = look()
    assert (looking.again() == "") is is_well
    assert looking.told == [is_well]


def test_a_replica_that_is_not_there_is_not_well(look: Look) -> None:
    assert "refuses connections" in look(base_url="http://127.0.0.1:1/v1").again()


@pytest.mark.parametrize("keys", [("sk-one",), ("sk-one", "sk-two")])
@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_list_is_no_illness(upstream: FakeUpstream, look: Look, status: int, keys: tuple[str, ...]) -> None:
    """It may chat all the same. Requests that had another upstream to go to would never find that out."""
    upstream.on("/models", json_answer({"error": {"message": "missing scope"}}, status))
    assert look(keys=keys).again() == ""


def test_it_is_well_again_at_the_first_good_look(upstream: FakeUpstream, look: Look, caplog: pytest.LogCaptureFixture) -> None:
    upstream.on("/models", Answer(before=[CUT]), Answer(before=[CUT]), WELL)
    looking = look()
    with caplog.at_level(logging.INFO, "proxy.upstream"):
        seen = [looking.again() == "" for _ in range(4)]
    assert seen == [False, False, True, True]
    assert looking.told == [False, True]
    assert [(record.levelname, record.__dict__["replica"]) for record in caplog.records] == [("WARNING", "one"), ("INFO", "one")]


def test_a_connection_that_was_closed_while_idle_is_no_illness(upstream: FakeUpstream, look: Look) -> None:
    upstream.on("/models", WELL, Answer(before=[CUT]), WELL)
    looking = look()
    assert [looking.again() for _ in range(2)] == ["", ""]
    assert len(upstream.requests) == 3


def test_one_that_has_just_answered_is_not_asked(upstream: FakeUpstream, look: Look, clock: Clock) -> None:
    upstream.on("/models", WELL)
    looking = look()
    looking.replica.health.note(None)
    looking.soon()
    assert (upstream.requests, looking.told) == ([], [True])
    clock.now_s += 0.5
    looking.soon()
    assert len(upstream.requests) == 1


def test_one_that_has_just_answered_that_it_cannot_is_asked(upstream: FakeUpstream, look: Look) -> None:
    """Else its own failures would keep it from being looked at, for as long as requests come to it."""
    upstream.on("/models", json_answer({"error": {"message": "sorry"}}, 500))
    looking = look()
    sorry = UpstreamRefused("sorry", status=500)
    looking.replica.health.note(refusal_of(sorry, {}))
    looking.soon()
    assert (len(upstream.requests), looking.told) == (1, [False])


def test_one_that_failed_since_is_asked(upstream: FakeUpstream, look: Look) -> None:
    upstream.on("/models", WELL)
    looking = look()
    looking.replica.health.note(None)
    looking.replica.health.is_reachable = False
    looking.soon()
    assert len(upstream.requests) == 1


def test_however_often_it_is_woken_it_looks_but_now_and_then(upstream: FakeUpstream, look: Look) -> None:
    upstream.on("/models", Answer(before=[CUT]))
    looking = look()
    for _ in range(5):
        looking.soon()
    assert len(upstream.requests) == 1


def test_the_next_look_comes_within_the_interval_and_not_for_all_workers_at_once(upstream: FakeUpstream, look: Look) -> None:
    upstream.on("/models", WELL)
    assert look().soon() == pytest.approx(0.65)


def test_an_answer_tells_how_the_replica_was_when_it_was_asked(upstream: FakeUpstream, look: Look, clock: Clock) -> None:
    """Else the last answers of one that takes no more requests keep it from being looked at."""
    upstream.on("/models", WELL)
    looking = look()
    looking.replica.health.note(None, clock.now_s - 0.3)
    assert looking.soon() == pytest.approx(0.35)
    assert upstream.requests == []
    looking.replica.health.note(None, clock.now_s - 1.0)
    looking.soon()
    assert len(upstream.requests) == 1


class FakeWait:
    """A request that waits, and notes after how many silent looks it might go."""

    def __init__(self) -> None:
        self.looks: list[int] = []

    def call_off(self, looks: int) -> bool:
        self.looks.append(looks)
        return False


def test_who_waits_hears_how_many_looks_in_a_row_were_silent(upstream: FakeUpstream, look: Look, clock: Clock) -> None:
    upstream.on("/models", *[Answer(before=[STALL])] * 2, WELL, Answer(before=[STALL]), json_answer({}, 503), *[Answer(before=[STALL])] * 3)
    looking, wait = look(), FakeWait()
    looking.replica.waits.add(wait)  # type: ignore[arg-type]
    for _ in range(7):
        looking.again()
    assert wait.looks == [1, 2, 1, 1, 2]
    looking.replica.health.note(None)  # A request was answered: it is slow, and no more.
    clock.now_s += 1
    looking.soon()
    assert wait.looks[-1] == 1


def test_breakers_learn_nothing_from_looks(upstream: FakeUpstream, look: Look) -> None:
    upstream.on("/models", Answer(before=[CUT]))
    looking = look(failures=1)
    looking.again()
    assert looking.replica.breakers.all_closed
