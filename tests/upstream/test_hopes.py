"""Where other workers may have a seat at the chosen replica: it is waited for a little, and in vain no longer than it takes to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from proxy.errors import Overloaded, UpstreamUnavailable
from proxy.upstream.choice import Choice, PrefixAffinity, WeightedRoundRobin
from proxy.upstream.hopes import Hope
from proxy.upstream.seat import Seat
from proxy.upstream.seats import Seats
from proxy.upstream.waiter import WaitEnd
from tests.upstream.replicas import FakeReplica, some_replicas

SOON_S = 5.0
KEY = b"a conversation"
LIMIT = 2


@dataclass
class Others:
    """What the other workers leave to this one, by replica."""

    left: dict[str, int]
    asked: list[str] = field(default_factory=list)
    answer: Callable[[Any], None] = lambda _: None

    def of(self, replica: Any) -> int:
        return self.left[replica.id]

    def may_grow(self, replicas: Sequence[Any]) -> bool:
        return any(self.left[replica.id] < LIMIT for replica in replicas)

    def wanted(self) -> None:
        pass

    def wanted_at(self, replica: Any) -> None:
        self.asked.append(replica.id)
        self.answer(replica)

    def freed(self) -> None:
        pass


class Scene:
    """A worker with three replicas, of which `home` is the conversation's. It may give away one seat at each other one."""

    def __init__(
        self, pool: ThreadPoolExecutor, choice: Choice | None = None, *, weights: tuple[float, ...] = (), wait_s: float = 30
    ) -> None:
        affinity = PrefixAffinity(lambda: 0.5)
        self.replicas = some_replicas(0, 0, 0, weights=weights)
        self.home = affinity.choose(self.replicas, KEY) if choice is None else self.replicas[0]
        self.second = affinity.choose([each for each in self.replicas if each is not self.home], KEY)
        self.others = Others({each.id: int(each is not self.home) for each in self.replicas})
        self.ends: list[tuple[WaitEnd, float]] = []
        self.seats = Seats[FakeReplica](
            choice or affinity,
            per_replica=1,
            queue=10,
            queue_wait_s=wait_s,
            clock=time.monotonic,
            on_waited=lambda end, seconds: self.ends.append((end, seconds)),
            limits=self.others,
        )
        self._pool = pool

    def give(self, replica: FakeReplica) -> None:
        self.others.left[replica.id] += 1
        self.seats.welcome(replica)

    def take(self, **more: Any) -> Seat[FakeReplica]:
        return self.seats.take(lambda: self.replicas, affinity_key=KEY, **more)

    def hope(self, candidates: Callable[[], list[FakeReplica]] | None = None) -> Future[Seat[FakeReplica]]:
        """One that hopes for a seat at home when this returns."""
        before = self.seats.hopes_at(self.home)
        coming = self._pool.submit(self.seats.take, candidates or (lambda: self.replicas), affinity_key=KEY)
        end = time.monotonic() + SOON_S
        while self.seats.hopes_at(self.home) == before:
            assert time.monotonic() < end
            time.sleep(0.0005)
        return coming


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(10) as pool:
        yield pool


@pytest.fixture
def scene(pool: ThreadPoolExecutor) -> Scene:
    return Scene(pool)


def test_a_conversation_gets_its_own_replicas_seat_from_others(scene: Scene) -> None:
    scene.others.answer = scene.give
    assert scene.take().replica is scene.home
    assert scene.others.asked == [scene.home.id]
    assert [end for end, _ in scene.ends] == ["seated"]


def test_nobody_is_asked_where_the_worker_has_a_seat(scene: Scene) -> None:
    scene.give(scene.home)
    assert scene.take().replica is scene.home
    assert scene.others.asked == scene.ends == []


def test_a_replica_that_is_full_for_all_is_passed_over_at_once_and_not_asked_for_again(scene: Scene) -> None:
    scene.others.answer = scene.seats.turn_away
    began_s = time.monotonic()
    assert scene.take().replica is scene.second
    scene.give(scene.second)
    assert scene.take().replica is scene.second
    if time.monotonic() - began_s < 0.05:  # So long that is remembered.
        assert scene.others.asked == [scene.home.id]
    assert all(seconds < 0.2 for _, seconds in scene.ends)


def test_who_has_no_answer_in_time_goes_elsewhere(scene: Scene) -> None:
    began_s = time.monotonic()
    assert scene.take().replica is scene.second
    assert 0.19 < time.monotonic() - began_s < 2
    assert scene.seats.hopes_at(scene.home) == 0


def test_an_answer_that_came_too_late_is_none_to_what_is_hoped_for_next() -> None:
    hope = Hope[FakeReplica](list, KEY)
    for _ in range(2):
        assert not hope.wait(0)
        hope.end()
        hope.forget_end()
    assert not hope.wait(0)


def test_nobody_hopes_beyond_the_end_of_a_request_or_the_longest_wait(pool: ThreadPoolExecutor) -> None:
    scene, hasty = Scene(pool), Scene(pool, wait_s=0)
    began_s = time.monotonic()
    assert scene.take(deadline_s=began_s).replica is scene.second
    assert hasty.take().replica is hasty.second
    assert time.monotonic() - began_s < 0.19


def test_a_seat_of_the_workers_own_that_comes_free_ends_the_hope(scene: Scene) -> None:
    scene.give(scene.home)
    held = scene.take()
    for each in scene.replicas:
        each.others = int(each is not scene.home)  # It has no more to do than the others.
    coming = scene.hope()
    held.release()
    assert coming.result(SOON_S).replica is scene.home


def test_who_hopes_at_a_replica_that_fell_ill_is_asked_anew_where_to_go(scene: Scene) -> None:
    able = list(scene.replicas)
    coming = scene.hope(lambda: list(able))
    able.remove(scene.home)
    scene.give(scene.home)
    assert coming.result(SOON_S).replica is scene.second
    assert scene.home.in_flight == 0


def test_who_hopes_where_nobody_is_well_any_more_hears_why(scene: Scene) -> None:
    ill: list[UpstreamUnavailable] = []

    def able() -> list[FakeReplica]:
        if ill:
            raise ill[0]
        return scene.replicas

    coming = scene.hope(able)
    ill.append(UpstreamUnavailable("all are ill"))
    scene.seats.turn_away(scene.home)
    with pytest.raises(UpstreamUnavailable, match="all are ill"):
        coming.result(SOON_S)
    assert scene.seats.hopes_at(scene.home) == sum(each.in_flight for each in scene.replicas) == 0


def test_those_who_wait_for_any_replica_come_before_a_newcomer_who_would_hope(scene: Scene) -> None:
    scene.others.left = dict.fromkeys(scene.others.left, 0)
    scene.others.answer = scene.seats.turn_away
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(scene.take)]
        end = time.monotonic() + SOON_S
        while not scene.seats.waiting:
            assert time.monotonic() < end
            time.sleep(0.0005)
        asked = len(scene.others.asked)
        waiting.append(pool.submit(scene.take))
        while scene.seats.waiting < 2:
            assert time.monotonic() < end
            time.sleep(0.0005)
        assert len(scene.others.asked) == asked
        scene.give(scene.second)
        scene.give(scene.second)
        assert {each.result(SOON_S).replica for each in waiting} == {scene.second}


def test_what_is_waited_for_is_counted_for_the_chosen_replica_alone(scene: Scene) -> None:
    coming = scene.hope()
    assert (scene.seats.waiting_at(scene.home), scene.seats.waiting_at(scene.second), scene.seats.waiting) == (1, 0, 0)
    scene.seats.turn_away(scene.home)
    assert coming.result(SOON_S).replica is scene.second


def test_a_share_by_weight_does_not_go_where_seats_happen_to_be(pool: ThreadPoolExecutor) -> None:
    scene = Scene(pool, WeightedRoundRobin(), weights=(2.0, 1.0, 1.0))
    scene.others.answer = scene.give
    chosen = []
    for _ in range(8):
        with scene.take() as seat:
            chosen.append(seat.replica)
        scene.others.left[scene.home.id] = 0
    assert [chosen.count(each) for each in scene.replicas] == [4, 2, 2]


def test_a_replica_that_was_full_owes_nothing_for_that_time(pool: ThreadPoolExecutor) -> None:
    scene = Scene(pool, WeightedRoundRobin(), weights=(2.0, 1.0, 1.0))
    scene.others.answer = scene.seats.turn_away
    with ExitStack() as seats:
        for each in (scene.replicas[1], scene.replicas[2]):
            for _ in range(3):
                scene.take().release()
            assert each.in_flight == 0
        for each in scene.replicas:
            scene.others.left[each.id] = 8
        chosen = [seats.enter_context(scene.take()).replica for _ in range(8)]
    assert [chosen.count(each) for each in scene.replicas] == [4, 2, 2]


def test_a_request_that_found_no_seat_by_hoping_waits_like_all(pool: ThreadPoolExecutor) -> None:
    scene = Scene(pool, wait_s=0.25)
    scene.others.left = dict.fromkeys(scene.others.left, 0)
    scene.others.answer = scene.seats.turn_away
    with pytest.raises(Overloaded):
        scene.take()
    assert sorted(scene.others.asked) == sorted(each.id for each in scene.replicas)
    assert [end for end, _ in scene.ends] == ["timed_out"]
