"""Three gunicorn workers and a real Redis, with fewer seats at each replica than workers: conversations stay at their replicas."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from tests.fake_upstream import FakeUpstream, json_answer
from tests.live.master import COMMAND, ROOT, Master, running, wait_until
from tests.live.one_of_each import one_of_each, told
from tests.redis_server import RedisServer, running_redis

ANSWER = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}]}
WORKERS, BOXES, TURNS = 3, 3, 10


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with TemporaryDirectory() as folder, running_redis(Path(folder)) as server:
        yield server


@pytest.fixture
def boxes() -> Iterator[list[FakeUpstream]]:
    with ExitStack() as stack:
        started = [stack.enter_context(FakeUpstream()) for _ in range(BOXES)]
        for box in started:
            box.on("/models", json_answer({"object": "list", "data": [{"id": "m", "object": "model"}]}))
            box.on("/chat/completions", json_answer(ANSWER))
        yield started


def begin(conversation: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"conversation {conversation}"}]


def converse(master: Master, conversation: int) -> None:
    """Each turn at another worker."""
    messages = begin(conversation)
    with one_of_each(master) as workers:
        in_turn = sorted(workers)
        for turn in range(TURNS):
            connection = workers[in_turn[(conversation + turn) % WORKERS]]
            body = json.dumps({"model": "m", "messages": messages})
            connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            messages += [{"role": "assistant", "content": "hi"}, {"role": "user", "content": "go on"}]


def turns_at(box: FakeUpstream, conversation: int) -> int:
    """How many turns of the conversation the box has got."""
    first = begin(conversation)[0]
    return sum(request.json["messages"][0] == first for request in box.requests_to("/chat/completions"))


def one_for_each(master: Master, boxes: list[FakeUpstream]) -> list[int]:
    """Conversations that have begun, one at each box."""
    found: dict[int, int] = {}
    for conversation in range(100):
        body = {"model": "m", "messages": begin(conversation)}
        assert requests.post(f"{master.address}/v1/chat/completions", json=body, timeout=30).ok
        home = next(place for place, box in enumerate(boxes) if turns_at(box, conversation))
        found.setdefault(home, conversation)
        if len(found) == len(boxes):
            break
    return [found[place] for place in range(len(boxes))]


@pytest.mark.parametrize("at_once", [1, BOXES], ids=["one after the other", "all at once"])
def test_conversations_stay_at_their_replicas(tmp_path: Path, redis: RedisServer, boxes: list[FakeUpstream], at_once: int) -> None:
    environ = {
        "WEB_CONCURRENCY": str(WORKERS),
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": redis.url,
        "UPSTREAM_BOXES_BASE_URL": ",".join(box.base_url for box in boxes),
        "UPSTREAM_BOXES_POLICY": "prefix_affinity",
        "UPSTREAM_BOXES_LIMITS_IN_FLIGHT": "2",
        "GUNICORN_CMD_ARGS": "--keep-alive=60",  # A connection is how a worker is asked again, and finding all of them takes its time.
    }
    with running((*COMMAND, "serve"), environ, tmp_path) as master:
        master.await_answer()
        with one_of_each(master) as workers:
            wait_until(
                lambda: all(told(worker, "/health")["shared_state"]["state"] == "up" for worker in workers.values()), lambda: master.lines
            )
        time.sleep(2)  # So long a new Redis is taken for one that has not heard of everybody.
        conversations = one_for_each(master, boxes)
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(partial(converse, master), conversations))
    stayed = [turns_at(box, conversation) for box, conversation in zip(boxes, conversations, strict=True)]
    assert stayed == [1 + TURNS] * BOXES
