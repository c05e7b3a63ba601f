"""Lists of models, as two workers know them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.upstream.shared.listings import decoded, encoded
from proxy.upstream.shared.topic import Round
from tests.redis_server import RedisServer
from tests.upstream.shared.conftest import StartWorker
from tests.upstream.shared.workers import Worker, wait_until

FULL = ModelCard(
    "org/model",
    created=1,
    owned_by="org",
    capabilities=frozenset({"completion", "tools"}),
    context_length=4096,
    embedding_length=8,
    parameter_count=7,
    size_bytes=9,
    family="f",
    quantization="q4",
    description="d",
    parameters=frozenset({"seed"}),
    raw={"id": "org/model", "pricing": {"prompt": "0.1"}},
    has=frozenset({"vision"}),
)


def test_a_list_is_the_same_after_the_way_through_redis() -> None:
    cards = [FULL, ModelCard("plain")]
    assert decoded(encoded(cards)) == cards


@pytest.mark.parametrize("body", [b"", b"{", b"7", b'[{"name": "m"}]', b"[7]"])
def test_what_is_no_list_of_this_version_is_none(body: bytes) -> None:
    assert decoded(body) is None


def test_what_one_worker_has_fetched_the_others_know(redis: RedisServer, start_worker: StartWorker) -> None:
    first, second = start_worker(redis.url), start_worker(redis.url, ahead_s=1000.0)
    first.listings.fetched([FULL])
    wait_until(lambda: second.models.known, "it was not heard")
    assert second.models.known == (FULL,)
    assert second.models.age_s is not None
    assert 0 <= second.models.age_s < 5
    first.listings.fetched([FULL, replace(FULL, id="new")])
    wait_until(lambda: second.models.count == 2, "the next one was not heard")


def test_a_worker_that_comes_later_need_not_ask_for_the_list(redis: RedisServer, start_worker: StartWorker) -> None:
    first = start_worker(redis.url)
    first.listings.fetched([FULL])
    wait_until(lambda: first.link.client.exists("test:models"), "it was not told")
    assert start_worker(redis.url).models.known == (FULL,)


@pytest.mark.parametrize("who", ["fetched it", "heard of it"])
def test_a_list_that_redis_has_forgotten_is_told_anew(redis: RedisServer, start_worker: StartWorker, who: str) -> None:
    first = start_worker(redis.url)
    first.listings.fetched([FULL])
    wait_until(lambda: first.link.client.exists("test:models"), "it was not told")
    if who == "heard of it":
        first.stop()
        first = start_worker(redis.url)
        assert first.models.known == (FULL,)
    redis.empty()
    wait_until(lambda: first.counter.losses, "nobody noticed")
    wait_until(lambda: first.link.client.exists("test:models"), "it was not told anew")
    assert start_worker(redis.url).models.known == (FULL,)


def test_a_list_that_is_deleted_while_it_is_read_is_heard_when_it_is_told_anew(redis: RedisServer) -> None:
    """Whoever tells it anew gives it the time that it had."""
    worker, told = Worker(redis.url), Worker(redis.url)
    worker.member.round()
    told.listings.fetched([FULL])
    told.member.round()
    told.member.round()
    key = "test:models"
    at = told.link.client.hget(key, "at")
    body = told.link.client.hget(key, "cards")
    this = Round(_Deleting(worker.link.client, key), None, worker.clock(), 0.0, is_first=False)
    assert not worker.listings.learn(this, iter([at]))
    assert worker.models.known is None
    told.link.client.hset(key, mapping={"at": at, "cards": body})
    worker.listings.learn(replace(this, client=worker.link.client), iter([at]))
    assert worker.models.known == (FULL,)


class _Deleting:
    """A Redis in which somebody deletes what is asked for, just before."""

    def __init__(self, client: Any, key: str) -> None:
        self._client = client
        self._key = key

    def hget(self, *what: str) -> Any:
        self._client.delete(self._key)
        return self._client.hget(*what)


def test_an_old_list_that_is_told_late_does_not_hide_a_newer_one(redis: RedisServer) -> None:
    late, first = Worker(redis.url), Worker(redis.url)
    for worker in (late, first):
        worker.member.round()
    newer = [FULL, replace(FULL, id="new")]
    late.listings.fetched([replace(FULL, id="old")])
    time.sleep(0.05)  # Workers know Redis's time to some milliseconds.
    first.listings.fetched(newer)
    for worker in (first, late):
        worker.member.round()
    assert first.link.client.hget("test:models", "cards") == encoded(newer)
    assert late.models.known == tuple(newer)
    for worker in (late, first):
        worker.stop()
