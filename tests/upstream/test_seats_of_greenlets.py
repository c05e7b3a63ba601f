"""Seats under gevent's patches, as in a gunicorn worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What was seen in each scene."""
    command = [sys.executable, "-m", "tests.upstream.seat_greenlets"]
    ran = subprocess.run(command, capture_output=True, timeout=60, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert ran.returncode == 0, ran.stderr.decode()
    scenes: dict[str, Any] = orjson.loads(ran.stdout)
    return scenes


def test_who_leaves_the_queue_takes_no_seat_away(seen: dict[str, Any]) -> None:
    assert seen["leave_while_waiting"] == {"log": ["a seated", "b Left", "c seated"], "waiting": [2, 1], "in_flight": 0}


def test_who_leaves_when_just_seated_hands_the_seat_on(seen: dict[str, Any]) -> None:
    assert seen["leave_when_just_seated"] == {"log": ["a seated", "b Left", "c seated"], "waiting": [1, 0], "in_flight": 0}


def test_the_end_of_a_worker_leaves_nobody_behind(seen: dict[str, Any]) -> None:
    assert seen["worker_ends"] == {"log": ["a seated", "b GreenletExit", "a GreenletExit"], "waiting": [0], "in_flight": 0}


def test_a_seat_can_be_given_back_in_the_hub(seen: dict[str, Any]) -> None:
    assert seen["give_back_in_the_hub"] == {"log": ["b seated"], "in_flight": 0}


def test_who_waits_lets_others_go_on(seen: dict[str, Any]) -> None:
    scene = seen["wait_in_vain"]
    assert (scene["error"], scene["waiting"]) == ("Overloaded", 0)
    assert scene["ticks"] >= 5
    assert 0.09 < scene["took_s"] < 2


def test_a_thread_can_give_a_greenlet_its_seat(seen: dict[str, Any]) -> None:
    assert seen["give_back_in_a_thread"] == {"log": ["b seated"], "in_flight": 0, "native": True}


def test_in_a_rush_with_many_who_leave_no_seat_is_lost(seen: dict[str, Any]) -> None:
    scene = seen["rush"]
    assert scene == {"told": 1000, "kinds": ["left", "refused", "served"], "too_many": [], "waiting": 0, "in_flight": [0, 0, 0]}
