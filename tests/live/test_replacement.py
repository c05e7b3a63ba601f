"""Workers are replaced under load - by a reload, after so many requests, because they were told to end - and no request is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import requests

from tests.live.master import COMMAND, ROOT, Master, running, wait_until
from tests.live.steady_load import Load, steady_load
from tests.live.test_gunicorn_master import WSGI

KINDS = {"serve": (*COMMAND, "serve"), "gunicorn": (*WSGI, "-c", str(ROOT / "gunicorn.conf.py"))}


@pytest.fixture(params=KINDS)
def master(request: pytest.FixtureRequest, demo_upstream: str, tmp_path: Path) -> Iterator[Master]:
    """Two workers, which would not have the time to finish anything if they were stopped."""
    environ = {"OPENAI_API_BASE_URL": demo_upstream, "WEB_CONCURRENCY": "2", "GRACEFUL_TIMEOUT": "3", "PYTHONPATH": str(ROOT)}
    with running(KINDS[request.param], environ, tmp_path) as started:
        started.await_answer()
        yield started


def all_is_well(load: Load, master: Master, of: set[int]) -> None:
    """Nothing failed, nobody waited for a door to open, and the workers are others."""
    assert load.failures() == []
    assert load.refused == 0
    assert load.outcomes
    assert master.workers()
    assert not of & set(master.workers())


def gone(master: Master, workers: set[int]) -> bool:
    return not workers & set(master.workers())


def test_reload_under_load_fails_no_request(master: Master) -> None:
    old = set(master.workers())
    with steady_load(master.address) as load:
        wait_until(lambda: len(load.outcomes) > 10, lambda: master.lines)
        master.process.send_signal(signal.SIGHUP)
        master.await_message("The new configuration is in force")
        wait_until(lambda: gone(master, old), lambda: master.lines)
    all_is_well(load, master, old)


def test_worker_that_is_told_to_end_under_load_fails_no_request(master: Master) -> None:
    old = set(master.workers())
    with steady_load(master.address) as load:
        wait_until(lambda: len(load.outcomes) > 10, lambda: master.lines)
        for worker in old:
            os.kill(worker, signal.SIGTERM)
        wait_until(lambda: gone(master, old), lambda: master.lines)
    all_is_well(load, master, old)


def test_only_worker_that_has_served_enough_is_replaced_without_a_failed_request(demo_upstream: str, tmp_path: Path) -> None:
    environ = {"OPENAI_API_BASE_URL": demo_upstream, "GUNICORN_CMD_ARGS": "--max-requests 30"}
    with running(KINDS["serve"], environ, tmp_path) as master:
        master.await_answer()
        old = set(master.workers())
        with steady_load(master.address) as load:
            wait_until(lambda: gone(master, old), lambda: master.lines)
        master.await_message("will be replaced")
        all_is_well(load, master, old)


def test_stream_longer_than_the_graceful_timeout_survives_a_reload(master: Master) -> None:
    old = set(master.workers())
    records: list[dict[str, object]] = []

    def client() -> None:
        body = {"model": "demo-chat", "messages": [{"role": "user", "content": "count to 9000"}]}
        with requests.post(f"{master.address}/api/chat", json=body, stream=True, timeout=60) as answer:
            for line in answer.iter_lines():
                records.append(orjson.loads(line))  # noqa: PERF401 - one by one, so that the test can look on

    streaming = threading.Thread(target=client)
    streaming.start()
    wait_until(lambda: len(records) > 3, lambda: master.lines)
    master.process.send_signal(signal.SIGHUP)
    master.await_message("The new configuration is in force")
    wait_until(lambda: len(old & set(master.workers())) == 1, lambda: master.lines)
    streaming.join(60)
    assert records[-1]["done_reason"] == "stop"
    wait_until(lambda: gone(master, old), lambda: master.lines)


def test_worker_that_was_replaced_is_ended_with_the_others(demo_upstream: str, tmp_path: Path) -> None:
    """It would wait for its streams without end; after a stop signal the graceful timeout holds for it too."""
    environ = {"OPENAI_API_BASE_URL": demo_upstream, "GRACEFUL_TIMEOUT": "3"}
    with running(KINDS["serve"], environ, tmp_path) as master:
        master.await_answer()
        body = {"model": "demo-chat", "messages": [{"role": "user", "content": "count to 9000"}]}
        with requests.post(f"{master.address}/api/chat", json=body, stream=True, timeout=30) as answer:
            lines = answer.iter_lines(chunk_size=1)
            next(lines)
            master.process.send_signal(signal.SIGHUP)
            master.await_message("is not needed any more")
            assert master.stop() == 0
            last = orjson.loads(list(lines)[-1])
        assert "shutting down" in last["error"]
