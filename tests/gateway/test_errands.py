"""Errands: by threads in this process, by helpers in one that gevent has patched."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from proxy.gateway.errands import Errands

SCENES = Path(__file__).with_name("errand_scenes.py")
SOON_S = 5.0


@cache
def all_seen() -> dict[str, dict[str, Any]]:
    ran = subprocess.run([sys.executable, str(SCENES)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    seen: dict[str, dict[str, Any]] = json.loads(ran.stdout)
    return seen


def test_helper_when_it_is_quick_is_one_for_all() -> None:
    assert all_seen()["quick"] == {"seen": ["at once", "rested", "rested"], "helpers": 1, "dropped": []}


def test_helper_when_its_work_fails_tells_and_serves_on() -> None:
    assert all_seen()["raising"] == {"told": "no", "next": "rested"}


def test_helper_when_it_takes_longer_goes_on_beside() -> None:
    seen = all_seen()["late"]
    assert seen["waits"] >= 1
    assert {**seen, "waits": 1} == {"was_done": False, "waits": 1, "result": "rested", "other": "rested"}


def test_helper_when_it_is_abandoned_ends_at_once_and_serves_on() -> None:
    seen = all_seen()["abandoned"]
    assert (seen["ends"], seen["next"]) == (["ended"], "rested")
    assert seen["took_s"] < 1


def test_result_of_a_helper_when_nobody_takes_it_is_let_go_once() -> None:
    assert all_seen()["abandoned_when_done"] == {"dropped": ["rested", "rested"]}


def test_helper_when_it_ends_before_it_is_stopped_is_left_alone() -> None:
    assert all_seen()["ended_before_it_could_be_stopped"] == {"dropped": ["too late"], "following": "rested"}


def test_helper_when_its_asker_leaves_ends_too() -> None:
    assert all_seen()["left"]["seen"] in (["asker left", "work ended"] * 2, ["work ended", "asker left"] * 2)


def test_helpers_when_there_are_many_do_not_mix_up_their_results() -> None:
    seen = all_seen()["many"]
    assert seen["right"]
    assert 1 <= seen["idle"] <= 64


def test_helper_sees_the_context_of_its_asker() -> None:
    assert all_seen()["context"] == {"seen": ["one", "two"]}


# Threads


def held(gate: threading.Event, ended: threading.Event | None = None) -> Callable[[], str]:
    def work() -> str:
        assert gate.wait(SOON_S)
        if ended is not None:
            ended.set()
        return "done"

    return work


def test_thread_when_it_is_quick() -> None:
    errand = Errands().begin(lambda: "done", pytest.fail, SOON_S)
    assert errand.is_done
    assert errand.result() == "done"
    errand.abandon()


def test_thread_when_it_takes_longer_goes_on_beside() -> None:
    gate = threading.Event()
    errand = Errands().begin(held(gate), pytest.fail, 0.01)
    assert not errand.is_done
    assert not errand.done_within(0.01)
    gate.set()
    assert errand.done_within(SOON_S)
    assert errand.result() == "done"


def test_thread_when_its_work_fails_tells_who_asks() -> None:
    errand = Errands().begin(lambda: 1 // 0, print, SOON_S)
    with pytest.raises(ZeroDivisionError):
        errand.result()


@pytest.mark.parametrize("when", ["before", "after"])
def test_result_of_a_thread_when_nobody_takes_it_is_let_go(when: str) -> None:
    gate, dropped = threading.Event(), threading.Event()
    errand = Errands().begin(held(gate), lambda _: dropped.set(), 0.01)
    if when == "before":
        errand.abandon()
        assert not dropped.is_set()
    gate.set()
    assert errand.done_within(SOON_S)
    if when == "after":
        assert not dropped.is_set()
        errand.abandon()
    assert dropped.wait(SOON_S)


def test_work_that_nobody_waits_for_with_a_clock_is_done_at_once_by_its_asker() -> None:
    dropped: list[int] = []
    errand = Errands().begin(threading.get_ident, dropped.append, 0)
    assert errand.is_done
    assert errand.done_within(0)
    errand.abandon()
    assert dropped == [threading.get_ident()]
    with pytest.raises(ZeroDivisionError):
        Errands().begin(lambda: 1 // 0, print, 0)
