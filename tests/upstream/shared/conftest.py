"""A real Redis, and workers that share through it, all in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.redis_server import RedisServer, running_redis
from tests.upstream.shared.workers import Worker

StartWorker = Callable[..., Worker]


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[RedisServer]:
    # Not pytest's own folder: names of sockets are short.
    with TemporaryDirectory() as folder, running_redis(Path(folder)) as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """A Redis that was emptied long ago; a test that ends it has one of its own."""
    shared_redis.empty()
    shared_redis.tell("SET test:memory 1")
    return shared_redis


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """The same for a test that ends it."""
    with TemporaryDirectory() as folder, running_redis(Path(folder)) as server:
        server.tell("SET test:memory 1")
        yield server


@pytest.fixture
def start_worker() -> Iterator[StartWorker]:
    """Starts workers that share; they end with the test."""
    with ExitStack() as stack:

        def start(url: str, **changes: object) -> Worker:
            worker = Worker(url, **changes)  # type: ignore[arg-type]
            stack.callback(worker.stop)
            worker.start()
            return worker

        yield start
