"""What a stop signal does: /ready says no at once, all that comes is served for a while, and only then the door is closed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests

from tests.live.master import COMMAND, ROOT, Master, running, wait_until
from tests.live.steady_load import steady_load
from tests.live.test_gunicorn_master import UPSTREAM, WSGI

KINDS = {"serve": (*COMMAND, "serve"), "gunicorn": WSGI, "gunicorn -c": (*WSGI, "-c", str(ROOT / "gunicorn.conf.py"))}


def ready(master: Master) -> tuple[int, object]:
    answer = requests.get(f"{master.address}/ready", timeout=5)
    return answer.status_code, answer.json()["status"]


@pytest.mark.parametrize("kind", KINDS)
def test_stop_signal_turns_ready_at_once_and_closes_the_listeners_later(kind: str, demo_upstream: str, tmp_path: Path) -> None:
    environ = {"OPENAI_API_BASE_URL": demo_upstream, "WEB_CONCURRENCY": "2", "DRAIN_DELAY": "2"}
    folder = ROOT if kind == "gunicorn" else tmp_path
    with running(KINDS[kind], {**environ, "PYTHONPATH": str(ROOT)}, folder) as master:
        master.await_answer()
        assert ready(master) == (200, "ready")
        master.process.send_signal(signal.SIGTERM)
        sent_s = time.monotonic()
        wait_until(lambda: ready(master) == (503, "stopping"), lambda: master.lines)
        assert time.monotonic() - sent_s < 1
        while time.monotonic() - sent_s < 1.7:
            answer = requests.post(f"{master.address}/api/chat", json={"model": "demo-chat", "stream": False}, timeout=5)
            assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
            time.sleep(0.1)
        assert master.process.wait(10) == 0
        with pytest.raises(requests.ConnectionError):
            requests.get(master.address, timeout=5)


def test_stop_under_load_fails_no_request_whose_connection_was_taken(demo_upstream: str, tmp_path: Path) -> None:
    environ = {"OPENAI_API_BASE_URL": demo_upstream, "WEB_CONCURRENCY": "2", "DRAIN_DELAY": "1"}
    with running(KINDS["serve"], environ, tmp_path) as master:
        master.await_answer()
        with steady_load(master.address) as load:
            wait_until(lambda: len(load.outcomes) > 10, lambda: master.lines)
            assert load.told_to_close == 0
            master.process.send_signal(signal.SIGTERM)
            assert master.process.wait(20) == 0
    assert load.failures_before_the_end() == []
    assert load.told_to_close > 0


def test_stop_under_load_of_new_connections_fails_none_that_was_taken(demo_upstream: str, tmp_path: Path) -> None:
    """Each request has a connection of its own, so that many are on their way in when the last listener is closed."""
    environ = {"OPENAI_API_BASE_URL": demo_upstream, "WEB_CONCURRENCY": "2", "DRAIN_DELAY": "0.3"}
    with running(KINDS["serve"], environ, tmp_path) as master:
        master.await_answer()
        with steady_load(master.address, pause_s=0, keep=False) as load:
            wait_until(lambda: len(load.outcomes) > 10, lambda: master.lines)
            master.process.send_signal(signal.SIGTERM)
            assert master.process.wait(20) == 0
    assert load.failures_before_the_end() == []


def test_stop_signal_to_the_whole_group_is_no_different(demo_upstream: str, tmp_path: Path) -> None:
    """systemd sends SIGTERM to the workers too, by default."""
    environ = {"OPENAI_API_BASE_URL": demo_upstream, "WEB_CONCURRENCY": "2", "DRAIN_DELAY": "2"}
    with running(KINDS["serve"], environ, tmp_path) as master:
        master.await_answer()
        with steady_load(master.address, clients=3) as load:
            wait_until(lambda: len(load.outcomes) > 5, lambda: master.lines)
            os.killpg(master.process.pid, signal.SIGTERM)
            time.sleep(1.5)
            assert load.refused == 0
            assert master.process.wait(20) == 0
    assert load.failures_before_the_end() == []


def test_second_stop_signal_shortens_the_wait(tmp_path: Path) -> None:
    with running(KINDS["serve"], {**UPSTREAM, "DRAIN_DELAY": "60"}, tmp_path) as master:
        master.await_answer()
        master.process.send_signal(signal.SIGTERM)
        master.await_message("Stopping in 60 s")
        master.process.send_signal(signal.SIGTERM)
        assert master.process.wait(15) == 0


@pytest.mark.parametrize("quickly", [signal.SIGINT, signal.SIGQUIT])
def test_quick_stop_does_not_wait(quickly: signal.Signals, tmp_path: Path) -> None:
    with running(KINDS["serve"], {**UPSTREAM, "DRAIN_DELAY": "60", "GRACEFUL_TIMEOUT": "60"}, tmp_path) as master:
        master.await_answer()
        master.process.send_signal(signal.SIGTERM)
        master.await_message("Stopping in 60 s")
        master.process.send_signal(quickly)
        assert master.process.wait(10) == 0


def test_workers_that_a_terminal_stops_with_their_master_do_not_complain(demo_upstream: str, tmp_path: Path) -> None:
    """Ctrl-C reaches both, and the master stops its workers, too: perhaps when they have nearly ended."""
    with running(KINDS["serve"], {"OPENAI_API_BASE_URL": demo_upstream}, tmp_path) as master:
        master.await_answer()
        (worker,) = map(psutil.Process, master.workers())
        os.killpg(master.process.pid, signal.SIGINT)
        while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
            with suppress(psutil.NoSuchProcess):
                worker.send_signal(signal.SIGQUIT)
            time.sleep(0.02)
        assert master.process.wait(10) == 0
    assert master.errors == []


def test_reload_is_left_undone_while_the_gateway_stops(tmp_path: Path) -> None:
    with running(KINDS["serve"], {**UPSTREAM, "DRAIN_DELAY": "60"}, tmp_path) as master:
        master.await_answer()
        master.process.send_signal(signal.SIGTERM)
        master.await_message("Stopping in 60 s")
        master.process.send_signal(signal.SIGHUP)
        master.await_message("reads no new configuration")
        assert len(master.workers()) == 1


def test_master_whose_successor_serves_does_not_wait(tmp_path: Path) -> None:
    installed = str(Path(sys.executable).with_name("ollama-openai-proxy"))  # gunicorn starts again what it was started by: a file
    with running([installed, "serve"], {**UPSTREAM, "DRAIN_DELAY": "60", "PYTHONPATH": str(ROOT)}, tmp_path) as old:
        old.await_answer()
        old.process.send_signal(signal.SIGUSR2)
        old.await_message("Starting gunicorn", times=2)
        wait_until(lambda: len(psutil.Process(old.process.pid).children(recursive=True)) == 3, lambda: old.lines)
        (new,) = (child.pid for child in psutil.Process(old.process.pid).children() if child.children())
        try:
            assert old.stop() == 0
            assert requests.get(old.address, timeout=10).ok
            assert ready_status_of(old) != "stopping"
        finally:
            os.kill(new, signal.SIGQUIT)


def ready_status_of(master: Master) -> object:
    return requests.get(f"{master.address}/ready", timeout=10).json()["status"]


def test_request_that_comes_in_late_on_an_open_connection_is_answered(demo_upstream: str, tmp_path: Path) -> None:
    """After the listeners are closed, clients that have a connection still ask over it."""
    with running(KINDS["serve"], {"OPENAI_API_BASE_URL": demo_upstream, "DRAIN_DELAY": "0"}, tmp_path) as master:
        master.await_answer()
        with requests.Session() as session:
            assert session.get(master.address, timeout=5).headers["Connection"] == "keep-alive"
            ending = threading.Thread(target=master.stop)
            ending.start()
            wait_until(lambda: is_refused(master), lambda: master.lines)
            answer = session.get(f"{master.address}/api/version", timeout=5)
            assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
            ending.join(20)


def test_connection_that_may_be_idle_for_long_does_not_hold_up_the_end(demo_upstream: str, tmp_path: Path) -> None:
    environ = {"OPENAI_API_BASE_URL": demo_upstream, "DRAIN_DELAY": "0", "GUNICORN_CMD_ARGS": "--keep-alive=600", "GRACEFUL_TIMEOUT": "60"}
    with running(KINDS["serve"], environ, tmp_path) as master:
        master.await_answer()
        with requests.Session() as session:
            assert session.get(master.address, timeout=5).ok
            began_s = time.monotonic()
            assert master.stop() == 0
            assert time.monotonic() - began_s < 20
        assert [record for record in master.records() if record["level"] != "INFO"] == []


def is_refused(master: Master) -> bool:
    try:
        requests.get(master.address, timeout=5)
    except requests.ConnectionError:
        return True
    return False
