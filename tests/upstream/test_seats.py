"""Seats, with threads that wait for them. How it is with greenlets: `test_seats_of_greenlets.py`."""

from __future__ import annotations

import gc
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from proxy.errors import Overloaded, ProxyError, UpstreamUnavailable
from proxy.upstream.choice import POLICIES, LeastInFlight, WeightedRoundRobin
from proxy.upstream.seat import Seat
from proxy.upstream.seat_limits import share_of
from proxy.upstream.seats import Seats
from proxy.upstream.waiter import WaitEnd
from tests.upstream.conftest import Clock
from tests.upstream.replicas import FakeReplica, some_replicas

SOON_S = 5.0  # For what has happened already, or is about to.

ASeat = Seat[FakeReplica]


@dataclass
class Crowd:
    """Clients that wait in threads of their own, and what was told of them."""

    pool: ThreadPoolExecutor
    depths: queue.Queue[int] = field(default_factory=queue.Queue)
    ends: list[tuple[WaitEnd, float]] = field(default_factory=list)

    def seats(
        self, *, per_replica: int = 1, places: int = 10, wait_s: float = 30, clock: Callable[[], float] = time.monotonic
    ) -> Seats[FakeReplica]:
        return Seats(
            WeightedRoundRobin(),
            per_replica=per_replica,
            queue=places,
            queue_wait_s=wait_s,
            clock=clock,
            on_depth=self.depths.put,
            on_waited=lambda end, seconds: self.ends.append((end, seconds)),
        )

    def wait(
        self, seats: Seats[FakeReplica], candidates: Callable[[], list[FakeReplica]], client: str = "", **more: float
    ) -> Future[ASeat]:
        """A client that is in the queue when this returns."""
        coming = self.pool.submit(seats.take, candidates, client_key=client, **more)
        self.depths.get(timeout=SOON_S)
        return coming


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with ThreadPoolExecutor(40) as pool:
        yield Crowd(pool)


def all_of(*replicas: FakeReplica) -> Callable[[], list[FakeReplica]]:
    return lambda: list(replicas)


def taken_of(coming: Future[ASeat]) -> ASeat:
    return coming.result(SOON_S)


@pytest.mark.parametrize(("limit", "workers", "share"), [(0, 4, 0), (8, 4, 2), (10, 4, 2), (3, 4, 1), (1, 1, 1)])
def test_the_shares_of_all_workers_keep_the_limit_but_none_is_nothing(limit: int, workers: int, share: int) -> None:
    assert share_of(limit, workers) == share


def test_without_a_limit_there_are_seats_for_all(crowd: Crowd) -> None:
    seats, (replica,) = crowd.seats(per_replica=0, places=0), some_replicas(0)
    taken = [seats.take(all_of(replica)) for _ in range(1000)]
    assert replica.in_flight == 1000
    for seat in taken:
        seat.release()
        seat.release()
    assert replica.in_flight == 0


def test_a_seat_is_left_with_its_context(crowd: Crowd) -> None:
    seats, (replica,) = crowd.seats(), some_replicas(0)
    with seats.take(all_of(replica)) as seat:
        assert replica.seats == {seat}
    with pytest.raises(ZeroDivisionError), seats.take(all_of(replica)):
        raise ZeroDivisionError
    assert replica.in_flight == 0


def test_a_seat_given_back_twice_is_one_seat(crowd: Crowd) -> None:
    seats, (replica,) = crowd.seats(per_replica=2), some_replicas(0)
    first, second = seats.take(all_of(replica)), seats.take(all_of(replica))
    first.release()
    first.release()
    assert replica.seats == {second}


def test_a_full_replica_is_passed_over(crowd: Crowd) -> None:
    seats, (a, b) = crowd.seats(per_replica=2), some_replicas(0, 0)
    assert [seats.take(all_of(a, b)).replica for _ in range(4)].count(a) == 2
    assert (a.in_flight, b.in_flight) == (2, 2)


def test_a_replica_is_full_when_all_its_seats_are_taken(crowd: Crowd) -> None:
    seats, (a, b) = crowd.seats(per_replica=2), some_replicas(0, 1)
    assert not seats.is_full(b)
    with seats.take(all_of(b)):
        assert (seats.is_full(a), seats.is_full(b)) == (False, True)
    assert not seats.is_full(b)
    assert not crowd.seats(per_replica=0).is_full(b)


def test_beyond_seats_and_queue_a_request_is_refused_at_once(crowd: Crowd) -> None:
    seats, (replica,) = crowd.seats(places=0), some_replicas(0)
    with seats.take(all_of(replica)), pytest.raises(Overloaded) as refused:
        seats.take(all_of(replica))
    assert (refused.value.status, refused.value.kind, refused.value.retry_after_s) == (503, "overloaded", 1.0)
    assert crowd.ends == [("refused", 0.0)]
    seats.take(all_of(replica)).release()


def test_who_waits_gets_the_first_seat_at_any_replica(crowd: Crowd) -> None:
    seats, (a, b) = crowd.seats(), some_replicas(0, 0)
    taken = {seat.replica.id: seat for seat in (seats.take(all_of(a, b)), seats.take(all_of(a, b)))}
    coming = crowd.wait(seats, all_of(a, b))
    assert seats.waiting == 1
    taken[b.id].release()
    assert taken_of(coming).replica is b
    assert seats.waiting == 0
    assert [end for end, _ in crowd.ends] == ["seated"]


def test_who_waits_gets_no_seat_at_a_replica_that_is_no_candidate(crowd: Crowd) -> None:
    seats, (a, b) = crowd.seats(), some_replicas(0, 0)
    at_a, at_b = seats.take(all_of(a)), seats.take(all_of(b))
    for_b, for_a = crowd.wait(seats, all_of(b)), crowd.wait(seats, all_of(a))
    at_a.release()
    assert taken_of(for_a).replica is a
    assert not for_b.done()
    at_b.release()
    assert taken_of(for_b).replica is b


def test_clients_are_seated_in_turn(crowd: Crowd) -> None:
    seats, (replica,) = crowd.seats(), some_replicas(0)
    seat = seats.take(all_of(replica))
    order = ["many", "many", "many", "one", "two"]
    coming = [crowd.wait(seats, all_of(replica), client) for client in order]
    seated = []
    while any(coming):
        seat.release()
        done = next(each for each in as_done(coming))
        seated.append(order[done])
        seat = taken_of(coming[done])
        coming[done] = None  # type: ignore[call-overload]
    assert seated == ["many", "one", "two", "many", "many"]


def as_done(coming: list[Future[ASeat]]) -> Iterator[int]:
    """The place of the one that is seated next."""
    until_s = time.monotonic() + SOON_S
    while time.monotonic() < until_s:
        for place, each in enumerate(coming):
            if each is not None and each.done():
                yield place
        time.sleep(0.001)


def test_who_asks_for_much_makes_room_in_a_full_queue_for_who_does_not(crowd: Crowd) -> None:
    seats, (replica,) = crowd.seats(places=3), some_replicas(0)
    seat = seats.take(all_of(replica))
    much = [crowd.wait(seats, all_of(replica), "much") for _ in range(3)]
    little = crowd.wait(seats, all_of(replica), "little")
    with pytest.raises(Overloaded):
        taken_of(much[2])
    with pytest.raises(Overloaded):
        seats.take(all_of(replica), client_key="little")  # Now both would have as much as each other.
    with pytest.raises(Overloaded):
        seats.take(all_of(replica), client_key="much")
    seat.release()
    taken_of(much[0]).release()
    taken_of(little).release()
    taken_of(much[1]).release()
    assert sorted(end for end, _ in crowd.ends) == ["displaced", "refused", "refused", "seated", "seated", "seated"]


@pytest.mark.parametrize("about", [{"wait_s": 0.02}, {"wait_s": 30.0, "within_s": 0.02}, {"wait_s": 30.0, "within_s": -1.0}])
def test_who_has_waited_for_too_long_is_refused(crowd: Crowd, about: dict[str, float]) -> None:
    seats, (replica,) = crowd.seats(wait_s=about["wait_s"]), some_replicas(0)
    deadline_s = time.monotonic() + about["within_s"] if "within_s" in about else None
    with seats.take(all_of(replica)):
        with pytest.raises(Overloaded):
            seats.take(all_of(replica), deadline_s=deadline_s)
        assert seats.waiting == 0
    assert [end for end, _ in crowd.ends] == ["timed_out"]
    assert replica.in_flight == 0


def test_when_to_come_again_is_told_by_the_queue_and_by_how_long_seats_are_held(crowd: Crowd) -> None:
    clock = Clock()
    seats, replicas = crowd.seats(per_replica=2, places=3, clock=clock), some_replicas(0, 0)
    for _ in range(3):
        with seats.take(all_of(*replicas)) as seat:
            clock.now_s += 8
    clock.now_s += 1000
    seat.release()  # Was given back long ago.
    for _ in range(4):
        seats.take(all_of(*replicas))
    for _ in range(3):
        crowd.wait(seats, all_of(*replicas))
    with pytest.raises(Overloaded) as refused:
        seats.take(all_of(*replicas))
    assert refused.value.retry_after_s == 8.0  # The fourth in the queue, four seats, eight seconds each.
    assert "3 wait" in refused.value.message
    for seat in [seat for replica in replicas for seat in replica.seats]:
        seat.release()


def test_nobody_is_sent_away_for_more_than_a_minute(crowd: Crowd) -> None:
    clock = Clock()
    seats, (replica,) = crowd.seats(places=0, clock=clock), some_replicas(0)
    with seats.take(all_of(replica)):
        clock.now_s += 10_000
    with seats.take(all_of(replica)), pytest.raises(Overloaded) as refused:
        seats.take(all_of(replica))
    assert refused.value.retry_after_s == 60.0


def test_a_replica_that_comes_back_serves_those_who_wait(crowd: Crowd) -> None:
    seats, (a, b) = crowd.seats(), some_replicas(0, 0)
    well = [a]
    seats.take(lambda: well)
    coming = [crowd.wait(seats, lambda: well, f"client {number}") for number in range(2)]
    well.append(b)
    seats.welcome(b)
    assert taken_of(coming[0]).replica is b
    assert not coming[1].done()
    taken_of(coming[0]).release()
    assert taken_of(coming[1]).replica is b


def test_who_comes_after_a_replica_came_back_does_not_overtake(crowd: Crowd) -> None:
    seats, (a, b) = crowd.seats(), some_replicas(0, 0)
    well = [a]
    seats.take(lambda: well)
    coming = crowd.wait(seats, lambda: well)
    well.append(b)
    late = crowd.wait(seats, lambda: well)
    assert taken_of(coming).replica is b
    assert not late.done()
    taken_of(coming).release()
    taken_of(late)


def test_who_can_be_served_by_nobody_any_more_is_told_why_and_nobody_else(crowd: Crowd) -> None:
    seats, (replica,) = crowd.seats(), some_replicas(0)
    seat, is_well = seats.take(all_of(replica)), [True]

    def candidates() -> list[FakeReplica]:
        if not is_well[0]:
            raise UpstreamUnavailable("all have been asked")
        return [replica]

    unlucky, lucky = crowd.wait(seats, candidates, "a"), crowd.wait(seats, all_of(replica), "b")
    is_well[0] = False
    seat.release()
    with pytest.raises(UpstreamUnavailable, match="all have been asked"):
        taken_of(unlucky)
    assert taken_of(lucky).replica is replica
    with pytest.raises(UpstreamUnavailable):
        seats.take(candidates)
    assert [end for end, _ in crowd.ends] in (["failed", "seated"], ["seated", "failed"])


def test_a_seat_that_a_finalizer_gives_back_in_the_midst_of_taking_one_is_not_lost(crowd: Crowd) -> None:
    """Whoever takes a seat holds the lock; garbage that is collected just then gives its seat back in the same thread."""
    seats, (replica,) = crowd.seats(per_replica=2), some_replicas(0)

    class Answer:
        def __init__(self, seat: ASeat) -> None:
            self.seat, self.itself = seat, self

        def __del__(self) -> None:
            self.seat.release()

    class Collecting:
        uses_affinity = False

        def choose(self, candidates: list[FakeReplica], affinity_key: bytes = b"") -> FakeReplica:
            gc.collect()
            return candidates[0]

    Answer(seats.take(all_of(replica)))
    seats._choice = Collecting()  # type: ignore[assignment]
    seat = seats.take(all_of(replica))
    assert replica.seats == {seat}


class Garbage:
    """An answer that nobody has let go: it gives its seat back when it is collected."""

    def __init__(self, seat: ASeat) -> None:
        self.seat, self.itself = seat, self

    def __del__(self) -> None:
        self.seat.release()


class CollectingReplica(FakeReplica):
    """One at which garbage happens to be collected in the midst of a choice."""

    @property
    def weight(self) -> float:
        gc.collect()
        return 1.0

    @weight.setter
    def weight(self, weight: float) -> None:
        pass


@pytest.fixture
def little_to_collect() -> Iterator[None]:
    """What other tests have left in the process is looked at once, and not whenever garbage is collected."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("little_to_collect")
@pytest.mark.parametrize("policy", POLICIES)
def test_a_seat_that_a_finalizer_gives_back_in_the_midst_of_a_choice_stops_nobody(crowd: Crowd, policy: str) -> None:
    """Whoever chooses without taking a seat does not hold the lock of the seats: somebody who waits is given one, by the same policy."""
    choice, replicas = POLICIES[policy](random.Random(1).random), some_replicas(0, 0)
    seats = Seats[FakeReplica](choice, per_replica=1, queue=5, queue_wait_s=SOON_S, clock=time.monotonic, on_depth=crowd.depths.put)
    held = [seats.take(all_of(*replicas)) for _ in replicas]
    waiting = crowd.wait(seats, all_of(*replicas))
    Garbage(held.pop())
    choosing = threading.Thread(target=choice.choose, args=([CollectingReplica("c"), CollectingReplica("d")], b"key"), daemon=True)
    choosing.start()
    choosing.join(SOON_S)
    assert not choosing.is_alive()
    assert taken_of(waiting).replica in replicas


def test_a_replica_that_is_welcomed_in_the_midst_of_taking_a_seat_is_not_forgotten(crowd: Crowd) -> None:
    """An answer that a finalizer lets go may be the one that says that all is well again."""
    seats, (replica,) = crowd.seats(), some_replicas(1)
    waiting = crowd.wait(seats, all_of(replica))
    other = FakeReplica("other")

    class Welcoming:
        uses_affinity = False

        def choose(self, candidates: list[FakeReplica], affinity_key: bytes = b"") -> FakeReplica:
            if candidates == [other]:
                replica.others = 0
                seats.welcome(replica)
            return candidates[0]

    seats._choice = Welcoming()  # type: ignore[assignment]
    taking = threading.Thread(target=seats.take, args=(all_of(other),), daemon=True)
    taking.start()
    taking.join(SOON_S)
    assert not taking.is_alive()
    assert taken_of(waiting).replica is replica


def test_under_a_rush_no_seat_is_lost_and_no_limit_is_broken() -> None:
    """Ten clients on three replicas; some give up. In the end all seats are free, and everybody was told something."""
    seats = Seats[FakeReplica](LeastInFlight(random.Random(1).random), per_replica=2, queue=6, queue_wait_s=0.02, clock=time.monotonic)
    replicas, told, too_many = some_replicas(0, 0, 0), [], []

    def ask(number: int) -> None:
        chance = random.Random(number)
        for _ in range(60):
            try:
                with seats.take(lambda: chance.sample(replicas, 2), client_key=str(number % 4)) as seat:
                    if seat.replica.in_flight > 2:
                        too_many.append(seat.replica.id)
                    time.sleep(chance.choice((0, 0.001, 0.003)))
                told.append("served")
            except ProxyError as error:
                told.append(error.kind)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not too_many
    assert [replica.in_flight for replica in replicas] == [0, 0, 0]
    assert seats.waiting == 0
    assert set(told) == {"served", "overloaded"}
    assert len(told) == 14 * 60
