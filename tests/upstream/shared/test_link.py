"""The way to Redis, when it is not there: one warning, one word when it is back, and rests between the attempts."""

from __future__ import annotations

import logging

import pytest

from proxy.errors import UpstreamUnavailable
from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.shared.link import Link, place_of
from tests.live.master import a_free_port
from tests.redis_server import RedisServer
from tests.upstream.conftest import Clock
from tests.upstream.shared.conftest import StartWorker
from tests.upstream.shared.workers import a_card, wait_until

AWAY = Fault(UpstreamUnavailable("refused"), Verdict.UNREACHABLE)


def ping(link: Link) -> bool | None:
    return link.use(lambda client: bool(client.ping()))


def test_redis_that_is_away_is_told_once_and_asked_ever_less_often(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    changes: list[bool] = []
    link = Link(f"redis://user:hunter2@127.0.0.1:{a_free_port()}", 0.2, clock=clock, random=lambda: 1.0, on_change=changes.append)
    rests = []
    with caplog.at_level(logging.INFO, "proxy.upstream"):
        for _ in range(8):
            assert ping(link) is None
            rests.append(round(link.rest_s, 3))
            assert link.use(lambda client: pytest.fail("it is asked while it is to be left alone")) is None
            clock.now_s += link.rest_s
    assert rests == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert changes == [False]
    (told,) = caplog.records
    assert told.levelname == "WARNING"
    assert "hunter2" not in str(told.__dict__)
    assert link.last_error


def test_redis_that_is_away_for_hours_is_asked_as_often_as_ever(clock: Clock) -> None:
    def refuse(_: object) -> None:
        raise ConnectionRefusedError

    link = Link(f"redis://127.0.0.1:{a_free_port()}", 0.2, clock=clock, random=lambda: 1.0)
    for _ in range(1100):
        assert link.use(refuse) is None
        clock.now_s += link.rest_s
    assert link.use(refuse) is None
    assert link.rest_s == pytest.approx(5.0)


def test_redis_that_is_back_is_told_once(redis: RedisServer, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    changes: list[bool] = []
    link = Link(redis.url, 0.1, clock=clock, random=lambda: 1.0, on_change=changes.append)
    assert ping(link)
    redis.freeze()
    assert ping(link) is None
    redis.thaw()
    clock.now_s += 7
    caplog.clear()
    with caplog.at_level(logging.INFO, "proxy.upstream"):
        assert ping(link)
        assert ping(link)
    assert changes == [True, False, True]
    (told,) = caplog.records
    assert (told.levelname, told.__dict__["away_s"]) == ("INFO", 7.0)
    link.close()


@pytest.mark.parametrize("consequence", [AttributeError("_sock"), ValueError("I/O operation on closed file"), ConnectionError("closed")])
def test_who_is_in_the_midst_of_an_answer_when_another_hangs_up_fails_with_him(
    clock: Clock, caplog: pytest.LogCaptureFixture, consequence: Exception
) -> None:
    link = Link("redis://127.0.0.1:9", 0.2, clock=clock, random=lambda: 1.0)

    def fail(_: object) -> None:
        raise TimeoutError("frozen")

    def read(_: object) -> None:
        link.use(fail)
        raise consequence

    assert link.use(read) is None
    assert (link.last_error, round(link.rest_s, 3)) == ("frozen", 0.1)
    assert len(caplog.records) == 1


def test_who_is_in_the_midst_of_an_answer_when_the_link_is_closed_tells_nothing(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    link = Link("redis://127.0.0.1:9", 0.2, clock=clock, random=lambda: 1.0)

    def read(_: object) -> None:
        link.close()
        raise ValueError("I/O operation on closed file")

    assert link.use(read) is None
    assert (link.is_up, caplog.records) == (None, [])


def test_a_bug_in_an_exchange_is_not_taken_for_redis_being_away(clock: Clock) -> None:
    link = Link("redis://127.0.0.1:9", 0.2, clock=clock, random=lambda: 1.0)
    with pytest.raises(ValueError, match="invalid literal"):
        link.use(lambda _: int("no number"))
    assert link.is_up is None


def test_what_only_asks_does_not_show_that_redis_is_back(redis: RedisServer, clock: Clock) -> None:
    link = Link(redis.url, 0.1, clock=clock, random=lambda: 1.0)
    for _ in range(3):
        assert link.use(lambda client: bool(client.ping()), proves=False)
        assert link.use(lambda client: client.incr("test:memory", "no number")) is None
        assert link.is_up is False
        rest_s = link.rest_s
        clock.now_s += rest_s
    assert rest_s == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("strike", "heal"),
    [("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"), ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE")],
    ids=["full", "a replica"],
)
def test_redis_that_takes_no_writes_is_told_once_and_asked_ever_less_often(
    own_redis: RedisServer, start_worker: StartWorker, caplog: pytest.LogCaptureFixture, strike: str, heal: str
) -> None:
    worker = start_worker(own_redis.url)
    with caplog.at_level(logging.INFO, "proxy.upstream"):
        own_redis.tell(strike)
        wait_until(lambda: worker.link.rest_s > 0.5, "it is asked as often as ever")
        assert worker.changes == [True, False]
        (told,) = caplog.records
        assert "Redis answers, but not as it should" in told.message
        assert told.__dict__["error"] == worker.member.health()["last_error"]
        own_redis.tell(heal)
        wait_until(lambda: worker.changes == [True, False, True], "it is not back")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


@pytest.mark.parametrize(
    ("key", "garbage"),
    [
        ("test:memory", ["SADD", "x"]),
        ("test:memory", ["SET", "nonsense"]),
        ("test:rests", ["SET", "x"]),
        ("test:breakers", ["SET", "x"]),
        ("test:breakers", ["HSET", '["a",""]', "x"]),
        ('test:breakers:["a",""]:pybreaker:fail_counter', ["SET", "x"]),
        ('test:breakers:["a",""]:pybreaker:state', ["SADD", "x"]),
        ("test:seats:a", ["SET", "x"]),
        ("test:seats:a", ["HSET", "somebody", "x"]),
        ("test:models", ["SADD", "x"]),
        ("test:models", ["HSET", "at", "x"]),
        ("test:models", ["HSET", "at", "1", "cards", "[[]]"]),
    ],
)
def test_what_redis_holds_instead_of_what_workers_told_is_overcome(
    redis: RedisServer, start_worker: StartWorker, caplog: pytest.LogCaptureFixture, key: str, garbage: list[str]
) -> None:
    """Whoever wrote it: it is deleted, or passed over, and what workers know is told anew."""
    first = start_worker(redis.url)
    first.cooldowns.cool("a", 60.0, "it broke")
    command, *rest = garbage
    first.link.client.delete(key)
    first.link.client.execute_command(command, key, *rest)  # type: ignore[no-untyped-call]
    for _ in range(3):
        first.breakers["a"].settle("m", AWAY)
    first.listings.fetched([a_card("m")])
    second = start_worker(redis.url)
    wait_until(lambda: second.cooldowns.rest_s("a"), "no cool-down is told")
    wait_until(lambda: second.breakers["a"].blocks("m"), "no breaker is told")
    wait_until(lambda: second.models.count == 1, "no list is told")
    wait_until(lambda: first.rations.is_shared and second.rations.is_shared, "no seats are shared")
    if key.startswith(("test:memory", "test:seats")):  # Beyond its own part: a Redis that was emptied gives that after two seconds.
        assert len([first.seats.take(lambda: first.replicas[:1]) for _ in range(4)]) == 4
    assert len(first.changes) <= 3
    assert "work beside the requests failed" not in caplog.text


@pytest.mark.parametrize(
    ("url", "place"),
    [("redis://:p@10.0.0.5:6379/0", "10.0.0.5:6379"), ("rediss://u:p@box", "box"), ("unix://u:p@/run/redis.sock?db=1", "/run/redis.sock")],
)
def test_a_place_tells_no_password(url: str, place: str) -> None:
    assert place_of(url) == place


def test_a_socket_of_the_machine_does_too(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(f"unix://{redis.socket}"), start_worker(redis.url)
    first.cooldowns.cool("a", 30.0, "it broke")
    wait_until(lambda: second.cooldowns.rest_s("a"), "it was not heard")


def test_other_prefixes_share_nothing(redis: RedisServer, start_worker: StartWorker) -> None:
    first, other = start_worker(redis.url), start_worker(redis.url, prefix="other")
    first.cooldowns.cool("a", 30.0, "it broke")
    second = start_worker(redis.url)
    wait_until(lambda: second.cooldowns.rest_s("a"), "it was not heard")
    began = other.rounds
    other.member.wake()
    wait_until(lambda: other.rounds > began + 1, "there was no round")
    assert not other.cooldowns.rest_s("a")


def test_health_says_how_it_goes(own_redis: RedisServer, start_worker: StartWorker) -> None:
    worker = start_worker(own_redis.url)
    told = worker.member.health()
    assert (told["state"], told["last_error"]) == ("up", "")
    assert told["last_answer_age_s"] >= 0
    own_redis.kill()
    wait_until(lambda: worker.member.health()["state"] == "down", "nobody noticed")
    assert worker.member.health()["last_error"]
