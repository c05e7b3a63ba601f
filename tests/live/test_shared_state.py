"""Two gunicorn workers and a real Redis: what one knows the other one knows, and a Redis that goes away costs no request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import requests
from redis import Redis

from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.live.master import COMMAND, ROOT, Master, running, wait_until
from tests.live.one_of_each import one_of_each, told
from tests.live.steady_load import steady_load
from tests.redis_server import RedisServer, running_redis

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
ANSWER = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}]}
AWAY, REFUSES, BACK = "Redis does not answer", "Redis answers, but not as it should", "Redis is back"

Serve = Callable[..., AbstractContextManager[Master]]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with TemporaryDirectory() as folder, running_redis(Path(folder)) as server:
        yield server


@pytest.fixture
def serve(tmp_path: Path, redis: RedisServer) -> Serve:
    def start(base_url: str, **settings: str) -> AbstractContextManager[Master]:
        ours = {"WEB_CONCURRENCY": "2", "PYTHONPATH": str(ROOT), "REDIS_URL": redis.url, "UPSTREAM_BOXES_BASE_URL": base_url}
        return running((*COMMAND, "serve"), {**ours, **settings}, tmp_path)

    return start


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as scripted:
        scripted.on("/models", json_answer({"object": "list", "data": [{"id": "m", "object": "model"}]}))
        yield scripted


def ask(master: Master) -> int:
    """Over a connection of its own, which any worker may take."""
    return requests.post(f"{master.address}/v1/chat/completions", json=CHAT, timeout=30).status_code


def names(master: Master) -> list[str]:
    return [model["model"] for model in requests.get(f"{master.address}/api/tags", timeout=5).json()["models"]]


def health(master: Master) -> dict[str, Any]:
    shared: dict[str, Any] = requests.get(f"{master.address}/health", timeout=5).json()["shared_state"]
    return shared


def await_all(master: Master, says: Callable[[dict[str, Any]], bool]) -> None:
    """Waits until `/health` of all workers says so."""
    with one_of_each(master) as workers:
        wait_until(lambda: all(says(told(worker, "/health")) for worker in workers.values()), lambda: master.lines)


def await_state(master: Master, state: str) -> None:
    await_all(master, lambda told: told["shared_state"]["state"] == state)


def metric(master: Master) -> str:
    lines = requests.get(f"{master.address}/metrics", timeout=5).text.splitlines()
    return next(line.split()[1] for line in lines if line.startswith("ollama_proxy_shared_state_up "))


def test_workers_together_keep_one_limit(serve: Serve, upstream: FakeUpstream) -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    def answer(_: Request) -> Answer:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.03)
        with lock:
            under_way -= 1
        return json_answer(ANSWER)

    upstream.on("/chat/completions", answer)
    limits = {"UPSTREAM_BOXES_LIMITS_IN_FLIGHT": "3", "UPSTREAM_BOXES_LIMITS_QUEUE": "200", "UPSTREAM_BOXES_LIMITS_QUEUE_WAIT": "30"}
    with serve(upstream.base_url, **limits) as master:
        master.await_answer()
        await_state(master, "up")
        time.sleep(2)  # So long a new Redis is taken for one that has not heard of everybody.
        with ThreadPoolExecutor(12) as pool:
            statuses = list(pool.map(lambda _: ask(master), range(120)))
    assert set(statuses) == {200}
    assert most == 3  # Each worker alone would be left with one.


def counted_failures(redis: RedisServer, model: str) -> int:
    """How many failures in a row all workers together have told Redis."""
    with Redis.from_url(redis.url) as client:
        keys = [key for key in client.keys("*:fail_counter") if f'"{model}"'.encode() in key]
        return max((int(client.get(key) or 0) for key in keys), default=0)


def test_a_breaker_is_open_for_all_workers(serve: Serve, upstream: FakeUpstream, redis: RedisServer) -> None:
    upstream.on("/chat/completions", json_answer({"error": {"message": "out of order"}}, 500))
    settings = {"BREAKER_FAILURES": "3", "BREAKER_COOLDOWN": "60", "MAX_RETRIES": "0"}
    with serve(upstream.base_url, **settings) as master:
        master.await_answer()
        await_state(master, "up")
        for failures in range(1, 4):
            ask(master)
            wait_until(lambda: counted_failures(redis, "m") == failures, lambda: master.lines)  # noqa: B023
        await_all(master, lambda told: "m" in told["upstreams"]["boxes"]["ill_models"])
        statuses = [ask(master) for _ in range(17)]
    assert len(upstream.requests_to("/chat/completions")) == 3
    assert statuses == [503] * 17


def test_a_list_that_one_worker_fetched_is_not_fetched_by_the_other(serve: Serve, upstream: FakeUpstream) -> None:
    with serve(upstream.base_url) as master:
        master.await_answer()
        await_state(master, "up")
        assert names(master) == ["m:latest"]
        await_all(master, lambda told: told["upstreams"]["boxes"]["models"] == 1)
        assert [names(master) for _ in range(20)] == [["m:latest"]] * 20
    assert len(upstream.requests_to("/models")) == 1


@pytest.mark.parametrize(
    ("strike", "said", "heal"),
    [
        (RedisServer.kill, AWAY, RedisServer.start),
        (RedisServer.freeze, AWAY, RedisServer.thaw),
        (partial(RedisServer.tell, command="CONFIG SET maxmemory 1"), REFUSES, partial(RedisServer.tell, command="CONFIG SET maxmemory 0")),
    ],
    ids=["killed and started", "frozen and thawed", "full and emptied"],
)
def test_redis_that_goes_and_comes_back_under_load_costs_no_request(
    serve: Serve,
    redis: RedisServer,
    demo_upstream: str,
    strike: Callable[[RedisServer], None],
    said: str,
    heal: Callable[[RedisServer], None],
) -> None:
    with serve(demo_upstream, UPSTREAM_BOXES_LIMITS_IN_FLIGHT="64") as master:
        master.await_answer()
        await_state(master, "up")
        assert metric(master) == "1.0"
        with steady_load(master.address) as load:
            wait_until(lambda: len(load.outcomes) > 20, lambda: master.lines)
            strike(redis)
            master.await_message(said, 2)
            assert metric(master) == "0.0"
            told = health(master)
            assert (told["state"], bool(told["last_error"])) == ("down", True)
            seen = len(load.outcomes)
            wait_until(lambda: len(load.outcomes) > seen + 40, lambda: master.lines)
            heal(redis)
            await_state(master, "up")
            seen = len(load.outcomes)
            wait_until(lambda: len(load.outcomes) > seen + 20, lambda: master.lines)
        assert load.failures() == []
        assert metric(master) == "1.0"
        messages = master.messages()
    assert sum(said in message for message in messages) == 2  # One of each worker.
    assert sum(BACK in message for message in messages) == 2


def test_redis_that_is_restarted_under_load_costs_no_request(serve: Serve, redis: RedisServer, demo_upstream: str) -> None:
    with serve(demo_upstream, UPSTREAM_BOXES_LIMITS_IN_FLIGHT="64") as master:
        master.await_answer()
        await_state(master, "up")
        with steady_load(master.address) as load:
            for _ in range(3):
                seen = len(load.outcomes)
                wait_until(lambda: len(load.outcomes) > seen + 20, lambda: master.lines)  # noqa: B023
                redis.restart()
            await_state(master, "up")
        assert load.outcomes
        assert load.failures() == []


def test_a_gateway_starts_without_its_redis(serve: Serve, redis: RedisServer, demo_upstream: str) -> None:
    redis.kill()
    with serve(demo_upstream) as master:
        master.await_answer()
        assert requests.post(f"{master.address}/api/chat", json={**CHAT, "model": "demo-chat", "stream": False}, timeout=30).ok
        master.await_message(AWAY, 2)
        redis.start()
        master.await_message(BACK, 2)
        assert master.stop() == 0
