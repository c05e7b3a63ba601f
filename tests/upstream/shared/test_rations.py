"""Seats of which all workers together give away no more than the limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from proxy.errors import Overloaded
from tests.redis_server import RedisServer
from tests.upstream.shared.conftest import StartWorker
from tests.upstream.shared.workers import Worker, wait_until


def take(worker: Worker, count: int, replica: int = 0) -> list[Any]:
    return [worker.seats.take(lambda: worker.replicas[replica : replica + 1]) for _ in range(count)]


def has_room(worker: Worker) -> bool:
    """Whether it could take a seat; it has taken one then."""
    try:
        return bool(take(worker, 1))
    except Overloaded:
        return False


def in_flight(workers: list[Worker], replica: int = 0) -> int:
    return sum(worker.replicas[replica].in_flight for worker in workers)


def test_one_worker_gets_all_when_nobody_else_wants_any(redis: RedisServer, start_worker: StartWorker) -> None:
    first, _ = start_worker(redis.url), start_worker(redis.url)
    assert len(take(first, 4)) == 4


def test_all_workers_together_never_have_more_than_the_limit(redis: RedisServer, start_worker: StartWorker) -> None:
    workers = [start_worker(redis.url, limit=5, queue=100) for _ in range(3)]
    counts: list[int] = []
    under_way, lock = [0], threading.Lock()

    def ask(worker: Worker) -> None:
        for _ in range(20):
            with worker.seats.take(lambda: worker.replicas[:1]):
                with lock:
                    under_way[0] += 1
                    counts.append(under_way[0])
                time.sleep(0.01)  # so long that all seats are taken at once for a while, on a busy machine, too
                with lock:
                    under_way[0] -= 1

    with ThreadPoolExecutor(24) as pool:
        for each in [pool.submit(ask, workers[place % 3]) for place in range(24)]:
            each.result()
    assert len(counts) == 480
    assert max(counts) == 5


def test_a_limit_below_the_number_of_workers_is_kept_and_everybody_has_a_turn(redis: RedisServer, start_worker: StartWorker) -> None:
    workers = [start_worker(redis.url, limit=1, alone=1, queue=100) for _ in range(3)]
    order: list[int] = []

    def ask(place: int) -> None:
        for _ in range(30):
            with workers[place].seats.take(lambda: workers[place].replicas[:1]):
                assert in_flight(workers) == 1
                order.append(place)
                time.sleep(0.02)

    with ThreadPoolExecutor(9) as pool:
        for each in [pool.submit(ask, place) for place in (0, 1, 2) * 3]:
            each.result()
    assert len(order) == 270
    # A worker that did not hear the others hears them in its next round, after a second.
    assert set(order[:90]) == {0, 1, 2}


def test_a_worker_that_holds_all_gives_back_when_another_one_wants_some(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    held = take(first, 4)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(take, second, 1)
        wait_until(lambda: second.seats.waiting == 1, "it did not wait")
        held.pop().release()
        began_s = time.monotonic()
        assert waiting.result(timeout=5)
        assert time.monotonic() - began_s < 0.9
    assert in_flight([first, second]) == 4


def test_what_is_refused_is_more_than_all_workers_together_can_take(redis: RedisServer, start_worker: StartWorker) -> None:
    """Without a queue, too, a free seat that another worker holds is found."""
    first, second = start_worker(redis.url, queue=0), start_worker(redis.url, queue=0)
    held = take(first, 2) + take(second, 2)
    with pytest.raises(Overloaded):
        take(second, 1)
    held[0].release()
    wait_until(lambda: has_room(second), "the free seat was not found")


def test_what_a_dead_worker_had_is_free_after_a_while(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url, queue=0)
    take(first, 4)
    first.stop()
    with pytest.raises(Overloaded):
        take(second, 1)
    wait_until(lambda: has_room(second), "the dead hold their seats")


@pytest.mark.parametrize("strike", [RedisServer.kill, RedisServer.freeze])
def test_without_redis_each_worker_has_its_own_part(
    own_redis: RedisServer, start_worker: StartWorker, strike: Callable[[RedisServer], None]
) -> None:
    worker = start_worker(own_redis.url, queue=0)
    strike(own_redis)
    wait_until(lambda: worker.changes == [True, False], "nobody noticed")
    assert len(take(worker, 2)) == 2
    with pytest.raises(Overloaded):
        take(worker, 1)


def test_who_waits_when_redis_freezes_gets_a_seat_of_the_workers_own(own_redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(own_redis.url), start_worker(own_redis.url)
    take(first, 4)
    own_redis.freeze()
    began_s = time.monotonic()
    assert take(second, 1)
    assert time.monotonic() - began_s < 2
    own_redis.thaw()
    wait_until(lambda: second.rations.is_shared and first.rations.is_shared, "nobody came back")


def test_after_a_restart_of_redis_the_limit_holds_again(own_redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(own_redis.url, queue=0), start_worker(own_redis.url, queue=0)
    held = take(first, 3)
    own_redis.restart()
    wait_until(lambda: first.counter.losses and second.counter.losses, "nobody noticed")
    wait_until(lambda: first.rations.is_shared and second.rations.is_shared, "nobody came back")
    began = first.rounds, second.rounds
    wait_until(lambda: first.rounds > began[0] + 1 and second.rounds > began[1] + 1, "nobody came back")
    assert take(second, 1)
    with pytest.raises(Overloaded):
        take(second, 1)
    assert len(held) == 3


def test_redis_that_has_lost_the_script_is_told_it_anew(redis: RedisServer, start_worker: StartWorker) -> None:
    worker = start_worker(redis.url)
    worker.link.client.script_flush()
    wait_until(lambda: worker.counter.losses, "nobody noticed")
    wait_until(lambda: worker.rations.is_shared, "it did not come back")
    assert len(take(worker, 4)) == 4
    assert worker.changes == [True]  # That is no reason to say that Redis is away.


def test_news_in_floods_makes_no_flood_of_rounds_and_delays_no_seat(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    held, enough, began = take(second, 4), threading.Event(), first.rounds

    def flood() -> None:
        while not enough.wait(0.001):
            first.cooldowns.cool("b", 30.0, "it broke", str(time.monotonic()))

    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(flood)
        began_s = time.monotonic()
        wait_until(lambda: first.rounds - began > 20, "there are no rounds")
        took_s = time.monotonic() - began_s
        held.pop().release()
        waited_s = time.monotonic()
        seat = take(first, 1)
        waited_s = time.monotonic() - waited_s
        enough.set()
        flooding.result()
    assert took_s > 0.5  # 20 in a second, and not hundreds.
    assert seat
    assert waited_s < 0.5
