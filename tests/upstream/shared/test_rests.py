"""Cool-downs and resting keys, as two workers know them."""

from __future__ import annotations

import pytest

from tests.redis_server import RedisServer
from tests.upstream.shared.conftest import StartWorker
from tests.upstream.shared.workers import Worker, wait_until

# Redis cuts its streams at the edges of blocks.
_MOST_KEPT = 1024 + 100


def cooling(worker: Worker, replica: str = "a", model: str = "") -> float:
    return worker.cooldowns.rest_s(replica, model)


@pytest.mark.parametrize("ahead_s", [0.0, 5000.0])
def test_a_cool_down_of_one_worker_is_everybodys(redis: RedisServer, start_worker: StartWorker, ahead_s: float) -> None:
    """However different their clocks are."""
    first, second = start_worker(redis.url), start_worker(redis.url, ahead_s=ahead_s)
    first.cooldowns.cool("a", 30.0, "it broke", "m", is_firm=True, needs_end=True)
    wait_until(lambda: cooling(second, model="m"), "it was not heard")
    (heard,) = second.cooldowns.all()
    assert (heard.replica, heard.model, heard.why, heard.is_firm, heard.needs_end) == ("a", "m", "it broke", True, True)
    assert 29 < cooling(second, model="m") <= 30
    assert not cooling(second, "b", "m")


def test_its_end_is_everybodys_too_and_those_who_wait_hear_of_it(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    first.cooldowns.cool("a", 30.0, "it broke")
    wait_until(lambda: cooling(second), "it was not heard")
    second.cooldowns.end("a")
    wait_until(lambda: not cooling(first), "its end was not heard")
    assert first.welcomed == ["a"]


def test_only_one_worker_tries_a_replica_whose_cool_down_is_over(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    first.cooldowns.cool("a", 0.1, "it broke")
    wait_until(second.cooldowns.all, "it was not heard")
    wait_until(lambda: not cooling(first), "it does not end")
    first.cooldowns.begin_trial("a", "")
    wait_until(lambda: cooling(second) > 1, "the second tries it too")


def test_a_key_that_rests_rests_everywhere_and_is_not_told(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    key = first.rings["b"].pick()
    first.rings["b"].cool(key, 30.0, "too many requests", has_had_too_much=True)
    first.rings["a"].cool(key, 30.0, "wrong key")
    wait_until(lambda: second.rings["b"].resting() and second.rings["a"].resting(), "it was not heard")
    (name, (rest_s, why)) = next(iter(second.rings["b"].resting().items()))
    assert (name, why) == (key.name, "too many requests")
    assert 29 < rest_s <= 30
    assert (list(second.rings["b"].waiting()), second.rings["a"].waiting()) == ([key.name], {})
    assert key.value not in str(first.link.client.xrange("test:rests"))


def test_a_worker_that_comes_later_is_told(redis: RedisServer, start_worker: StartWorker) -> None:
    first = start_worker(redis.url)
    first.cooldowns.cool("a", 30.0, "it broke")
    wait_until(lambda: first.link.client.exists("test:rests"), "it was not told")
    assert cooling(start_worker(redis.url)) > 29


def test_what_redis_has_forgotten_is_told_anew(own_redis: RedisServer, start_worker: StartWorker) -> None:
    first = start_worker(own_redis.url)
    first.cooldowns.cool("a", 30.0, "it broke")
    first.rings["b"].cool(first.rings["b"].pick(), 30.0, "too many requests")
    own_redis.restart()
    wait_until(lambda: first.counter.losses, "nobody noticed")
    second = start_worker(own_redis.url)
    wait_until(lambda: cooling(second) and second.rings["b"].resting(), "it was not told")


def test_what_happens_while_redis_is_away_is_told_when_it_is_back(own_redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(own_redis.url), start_worker(own_redis.url)
    own_redis.freeze()
    wait_until(lambda: first.changes == [True, False], "nobody noticed")
    first.cooldowns.cool("a", 30.0, "it broke")
    assert cooling(first) > 29
    own_redis.thaw()
    wait_until(lambda: cooling(second), "it was not told")


def test_what_cannot_be_told_does_not_pile_up(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    redis.freeze()
    for number in range(3000):
        first.cooldowns.cool("a", 30.0, "it broke", f"m{number}")
    redis.thaw()
    wait_until(lambda: cooling(second, model="m2999"), "it was not told")
    assert first.link.client.xlen("test:rests") <= _MOST_KEPT


def test_names_without_end_make_no_end_of_changes(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    first.cooldowns.cool("b", 600.0, "it broke")
    for number in range(3000):
        first.cooldowns.cool("a", 30.0, "it broke", f"m{number}")
        if number % 500 == 0:
            wait_until(lambda: cooling(second, model=f"m{number}"), "it was not told")  # noqa: B023
    wait_until(lambda: cooling(second, model="m2999"), "it was not told")
    assert first.link.client.xlen("test:rests") <= _MOST_KEPT
    assert cooling(second, "b") > 590


def test_what_others_need_not_know_is_not_told_and_neither_is_its_end(redis: RedisServer, start_worker: StartWorker) -> None:
    """Not even to a Redis that has forgotten all that it was told."""
    first = start_worker(redis.url)
    first.cooldowns.cool("a", 0.0, "no such model", "invented", is_ours=True)
    first.cooldowns.begin_trial("a", "invented")
    first.cooldowns.cool("a", 30.0, "no such model", "other", is_ours=True)
    redis.empty()
    wait_until(lambda: first.counter.losses, "nobody noticed")
    first.cooldowns.end("a", "invented")
    first.cooldowns.cool("b", 30.0, "it broke")
    wait_until(lambda: first.link.client.exists("test:rests"), "nothing was told")
    assert "invented" not in str(first.link.client.xrange("test:rests"))
    assert "other" not in str(first.link.client.xrange("test:rests"))


def test_only_what_has_changed_is_read(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    for number in range(100):
        first.cooldowns.cool("a", 30.0, "it broke", f"m{number}")
    wait_until(lambda: cooling(second, model="m99"), "it was not told")
    second.cooldowns.forget("a", "m50")  # Read again, it would be there again.
    began = second.rounds
    first.cooldowns.cool("b", 30.0, "it broke")
    wait_until(lambda: cooling(second, "b") and second.rounds > began + 1, "it was not told")
    assert not cooling(second, model="m50")


def test_changes_that_are_none_are_passed_over(redis: RedisServer, start_worker: StartWorker) -> None:
    first = start_worker(redis.url)
    client = first.link.client
    for name, value in {"x": "{", '["a","",""]': '{"until":"soon"}', '["z","",""]': "{}", '["a","m"]': "[]"}.items():
        client.xadd("test:rests", {name: value})
    first.cooldowns.cool("b", 30.0, "it broke")
    wait_until(lambda: client.xlen("test:rests") == 5, "it was not told")
    began = first.rounds
    wait_until(lambda: first.rounds > began, "it ended")
    assert [each.replica for each in first.cooldowns.all()] == ["b"]


def test_what_is_long_over_is_no_news_to_a_worker_that_comes_later(redis: RedisServer, start_worker: StartWorker) -> None:
    client = start_worker(redis.url).link.client
    told = '{"until":1.0,"why":"","is_firm":true,"needs_end":false,"on_trial":false,"is_over":false}'
    client.xadd("test:rests", {'["a","",""]': told})
    late = start_worker(redis.url)
    late.cooldowns.begin_trial("a", "")  # Whose time is over would be tried.
    assert late.cooldowns.all() == []


def test_answers_to_what_was_sent_before_it_was_heard_of_do_not_end_it(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url)
    before_s = second.clock()
    first.cooldowns.cool("a", 30.0, "slow down", is_firm=True)
    wait_until(second.cooldowns.all, "it was not heard")
    assert not second.cooldowns.end_by_answer("a", "m", ended=True, sent_s=before_s)
    assert second.cooldowns.end_by_answer("a", "m", ended=True, sent_s=second.clock())
