"""`check` looks at the Redis that workers are to share what they know through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli import main
from proxy.settings import Settings
from tests.fake_upstream import FakeUpstream, json_answer
from tests.redis_server import RedisServer, running_redis

Check = Callable[..., tuple[int, str]]

REPLY = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}]}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """Runs `check` with a REDIS_URL, at an upstream that can chat: exit status, and what was said of Redis."""
    monkeypatch.chdir(tmp_path)
    for doc in Settings.describe():
        monkeypatch.delenv(doc.name, raising=False)
    with FakeUpstream() as upstream:
        upstream.on("/models", json_answer({"data": [{"id": "talker"}]}))
        upstream.on("/chat/completions", json_answer(REPLY))

        def run(url: str, *arguments: str) -> tuple[int, str]:
            result = CliRunner().invoke(main, ["check", *arguments], env={"OPENAI_API_BASE_URL": upstream.base_url, "REDIS_URL": url})
            assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
            return result.exit_code, re.sub(" +", " ", result.output.partition("[shared state]")[2])

        yield run


def test_redis_that_takes_what_is_written_is_well(check: Check, redis: RedisServer) -> None:
    status, said = check(redis.url)
    assert status == 0
    assert f"redis ok 127.0.0.1:{redis.port} takes what workers share" in said


def test_without_redis_nothing_is_said_of_it(check: Check, redis: RedisServer) -> None:
    assert check("") == (0, "")
    assert check(redis.url, "--upstream", "default") == (0, "")


def test_wrong_password_is_told_and_not_shown(check: Check, redis: RedisServer) -> None:
    redis.tell("CONFIG SET requirepass right")
    try:
        for url in (redis.url, redis.url.replace("//", "//:hunter2@")):
            status, said = check(url)
            assert status == 1
            assert f"redis failed 127.0.0.1:{redis.port} lets nobody in by this user and password" in said
            assert "REDIS_URL" in said
            assert "hunter2" not in said
        assert check(redis.url.replace("//", "//:right@"))[0] == 0
    finally:
        redis.restart()


def test_redis_that_is_not_there_is_told(check: Check) -> None:
    status, said = check("redis://127.0.0.1:1/0")
    assert status == 1
    assert "redis failed no connection to 127.0.0.1:1" in said


def test_redis_that_may_not_be_written_is_told(check: Check, redis: RedisServer) -> None:
    status, said = check(redis.url.replace("/0", "/99"))
    assert status == 1
    assert "takes nothing: " in said


def test_frozen_redis_is_told(check: Check, redis: RedisServer) -> None:
    redis.freeze()
    try:
        status, said = check(redis.url)
    finally:
        redis.thaw()
    assert status == 1
    assert f"no answer from 127.0.0.1:{redis.port} within 3 s" in said
