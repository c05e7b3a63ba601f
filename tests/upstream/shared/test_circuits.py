"""Breakers, as two workers know them. Three failures in a row open one."""

from __future__ import annotations

import time

import pytest
from redis import Redis

from proxy.errors import UpstreamBroken, UpstreamUnavailable
from proxy.upstream.breaker import Breakers, CircuitView
from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.shared.circuits import Circuits
from proxy.upstream.shared.topic import Round
from tests.redis_server import RedisServer
from tests.upstream.shared.conftest import StartWorker
from tests.upstream.shared.workers import Worker, a_card, wait_until

ILL = Fault(UpstreamBroken("500"), Verdict.MODEL_ILL)
AWAY = Fault(UpstreamUnavailable("refused"), Verdict.UNREACHABLE)


def fail(worker: Worker, times: int, fault: Fault = AWAY, model: str = "m") -> None:
    for _ in range(times):
        worker.breakers["a"].settle(model, fault)


def state(worker: Worker, model: str = "") -> str:
    return worker.breakers["a"].states().get(model, "closed")


@pytest.mark.parametrize(("fault", "model"), [(AWAY, ""), (ILL, "m")])
def test_a_breaker_that_one_worker_opens_is_open_everywhere(
    redis: RedisServer, start_worker: StartWorker, fault: Fault, model: str
) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    fail(first, 3, fault)
    wait_until(lambda: state(second, model) == "open", "it was not heard")
    assert second.told == [("a", model, "open")]
    assert second.breakers["a"].blocks("m")
    assert not second.breakers["b"].blocks("m")
    # pybreaker's own storage keeps whole seconds.
    assert 3.9 < second.breakers["a"].rest_s("m") <= 6
    with pytest.raises(UpstreamUnavailable, match="3 times in a row"):
        second.breakers["a"].admit("m").__enter__()


@pytest.mark.parametrize(("fault", "model"), [(AWAY, ""), (ILL, "m")])
def test_failures_in_a_row_are_counted_over_all_workers(redis: RedisServer, start_worker: StartWorker, fault: Fault, model: str) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    fail(first, 2, fault)
    wait_until(lambda: second.breakers["a"].view(model).failures == 2, "it was not heard")
    fail(second, 1, fault)
    wait_until(lambda: state(first, model) == state(second, model) == "open", "it was not heard")


def test_failures_that_nobody_could_tell_count_together_when_redis_is_back(own_redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(own_redis.url), start_worker(own_redis.url)
    own_redis.freeze()
    fail(first, 2)
    fail(second, 2)
    assert state(first) == state(second) == "closed"
    own_redis.thaw()
    wait_until(lambda: state(first) == state(second) == "open", "nobody counted")


def test_a_success_anywhere_ends_the_row(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    fail(first, 2)
    wait_until(lambda: second.breakers["a"].view("").failures == 2, "it was not heard")
    second.breakers["a"].settle("m", None)
    wait_until(lambda: first.breakers["a"].view("").failures == 0, "it was not heard")


@pytest.mark.parametrize(("fault", "model"), [(AWAY, ""), (ILL, "m")])
def test_one_probe_is_for_all_workers_and_so_is_its_success(
    redis: RedisServer, start_worker: StartWorker, fault: Fault, model: str
) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    fail(first, 3, fault)
    wait_until(lambda: state(second, model) == "open", "it was not heard")
    with first.breakers["a"].admit("m", anyway=True) as passage:
        wait_until(lambda: second.breakers["a"].rest_s("m") <= 1, "the probe was not heard of")
        assert second.breakers["a"].blocks("m")
        passage.settle(None)
    wait_until(lambda: second.breakers["a"].all_closed, "its success was not heard")
    assert first.breakers["a"].all_closed
    assert second.told[-1] == ("a", model, "closed")


def test_a_worker_that_comes_later_is_told(redis: RedisServer, start_worker: StartWorker) -> None:
    fail(first := start_worker(redis.url), 3)
    wait_until(lambda: first.link.client.hlen("test:breakers"), "it was not told")
    assert state(start_worker(redis.url)) == "open"


def test_pybreaker_keeps_them_in_its_own_way(redis: RedisServer, start_worker: StartWorker) -> None:
    fail(first := start_worker(redis.url), 3)
    client = first.link.client
    wait_until(lambda: client.get('test:breakers:["a",""]:pybreaker:state') == b"open", "it was not told")
    assert client.get('test:breakers:["a",""]:pybreaker:fail_counter') == b"3"
    assert all(client.ttl(key) > 0 for key in client.keys("test:breakers*"))


def test_no_key_lasts_for_ever(redis: RedisServer, start_worker: StartWorker) -> None:
    """Names of models come from clients: what is kept of them must have an end, whoever wrote it."""
    first, second = start_worker(redis.url), start_worker(redis.url)
    fail(first, 1, ILL)
    fail(first, 3, AWAY)
    first.cooldowns.cool("a", 30.0, "it broke", "m")
    first.rings["b"].cool(first.rings["b"].pick(), 30.0, "too many requests")
    first.listings.fetched([a_card("m")])
    seat = first.seats.take(lambda: first.replicas[:1])
    wait_until(lambda: state(second) == "open" and second.models.count and second.cooldowns.all(), "it was not heard")
    client = first.link.client
    for key in client.keys("test:breakers:*"):
        client.delete(key)  # They have ended, and the hash that tells of them has not.
    start_worker(redis.url)
    rounds = first.rounds
    wait_until(lambda: first.rounds > rounds + 1, "it ended")
    seat.release()
    assert len(client.keys("*")) >= 6
    assert {key: client.ttl(key) for key in client.keys("*") if client.ttl(key) < 1} == {}


def test_breakers_of_others_are_read_together_and_nothing_is_written(redis: RedisServer, start_worker: StartWorker) -> None:
    first = start_worker(redis.url)
    for number in range(20):
        first.breakers["a"].settle(f"m{number}", ILL)
    wait_until(lambda: first.link.client.hlen("test:breakers") == 20, "it was not told")
    first.link.client.config_resetstat()
    late = start_worker(redis.url)
    assert late.breakers["a"].view("m19").failures == 1
    calls = late.link.client.info("commandstats")
    assert 1 <= calls["cmdstat_mget"]["calls"] < 5  # On a slow machine a round is given up, and comes again.
    assert "cmdstat_setnx" not in calls


def test_what_redis_has_forgotten_is_told_anew(own_redis: RedisServer, start_worker: StartWorker) -> None:
    fail(first := start_worker(own_redis.url), 3)
    own_redis.restart()
    wait_until(lambda: first.counter.losses, "nobody noticed")
    second = start_worker(own_redis.url)
    wait_until(lambda: state(second) == "open", "it was not told")
    assert state(first) == "open"


class Teller:
    """The breakers of one replica in one worker, whose rounds come when the test says so."""

    def __init__(self, url: str) -> None:
        self.breakers = Breakers(failures=3, cooldown_s=5.0, clock=time.monotonic)
        self._circuits = Circuits("test:breakers", {"a": self.breakers}, failures=3, wake=lambda: None)
        self._client = Redis.from_url(url)

    def round(self, *, is_first: bool = False) -> None:
        now_s = time.monotonic()
        this = Round(self._client, self._client.pipeline(transaction=False), now_s, time.time() - now_s, is_first)
        self._circuits.ask(this)
        self._circuits.learn(this, iter(this.pipe.execute()))


def test_what_is_told_anew_is_heard_though_its_number_was_seen_before_redis_forgot(redis: RedisServer) -> None:
    """Numbers begin again with an empty Redis."""
    first, second = Teller(redis.url), Teller(redis.url)
    for each in (first, second):
        each.round(is_first=True)
    first.breakers.settle("m", AWAY)
    first.round()
    second.round()
    assert second.breakers.view("").failures == 1
    redis.empty()
    first.breakers.settle("m", AWAY)
    first.breakers.settle("m", AWAY)
    first.round(is_first=True)
    first.round()
    second.round(is_first=True)
    assert second.breakers.states()[""] == "open"


def test_without_redis_each_worker_counts_for_itself(own_redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(own_redis.url), start_worker(own_redis.url)
    own_redis.kill()
    fail(first, 3)
    assert state(first) == "open"
    wait_until(lambda: first.changes == [True, False], "nobody noticed")
    assert state(second) == "closed"
    own_redis.start()
    wait_until(lambda: state(second) == "open", "it was not told")


def test_what_happens_while_workers_are_told_is_told_whole(
    redis: RedisServer, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where requests have threads of their own, a round may come in the midst of noting that a breaker has opened."""
    first, second = start_worker(redis.url), start_worker(redis.url)
    fail(first, 2)
    wait_until(lambda: second.breakers["a"].view("").failures == 2, "it was not heard")
    breakers = first.breakers["a"]
    view = breakers.view

    def view_after_a_round(model: str) -> CircuitView:
        monkeypatch.setattr(breakers, "view", view)
        before = first.rounds
        first.member.wake()
        end = time.monotonic() + 0.3
        while first.rounds < before + 2 and time.monotonic() < end:
            time.sleep(0.005)
        return view(model)

    monkeypatch.setattr(breakers, "view", view_after_a_round)
    fail(first, 1)
    assert state(first) == "open"
    wait_until(lambda: state(second) == "open", "it was not heard")
    assert second.breakers["a"].view("").failures == 3
