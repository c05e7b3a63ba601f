"""Work beside the requests: when it begins, when it is woken, and that it ends."""

from __future__ import annotations

import gc
import logging
import threading
import weakref

import pytest

from proxy.upstream.background import Background


class Counted:
    """Work that counts how often it was done."""

    def __init__(self, wait_s: float | None = None) -> None:
        self.wait_s = wait_s
        self.times = 0
        self._changed = threading.Condition()

    def __call__(self) -> float | None:
        with self._changed:
            self.times += 1
            self._changed.notify_all()
        return self.wait_s

    def was_done(self, times: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.times >= times, 5)


def threads_called(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_nothing_runs_before_it_is_started() -> None:
    work = Counted()
    Background({"work a": work})
    assert (work.times, threads_called("work a")) == (0, [])


def test_each_work_is_done_again_when_its_time_has_come() -> None:
    often, seldom = Counted(0.001), Counted(None)
    background = Background({"often": often, "seldom": seldom})
    background.start()
    assert often.was_done(5)
    assert seldom.was_done(1)
    assert seldom.times == 1


def test_it_is_done_at_once_when_it_is_woken() -> None:
    work = Counted(60)
    background = Background({"work b": work})
    background.start()
    assert work.was_done(1)
    background.wake("work b")
    assert work.was_done(2)
    background.wake("nobody")


def test_it_runs_once_however_often_it_is_started() -> None:
    work = Counted(60)
    background = Background({"work c": work})
    for _ in range(3):
        background.start()
    assert work.was_done(1)
    assert len(threads_called("work c")) == 1


def test_it_ends_with_whom_it_is_for() -> None:
    work = Counted(60)
    background = Background({"work d": work})
    background.start()
    assert work.was_done(1)
    (thread,) = threads_called("work d")
    gone = weakref.ref(background)
    del background
    gc.collect()
    thread.join(5)
    assert gone() is None
    assert not thread.is_alive()


def test_a_bug_in_it_is_logged_and_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> float:
        raise ZeroDivisionError

    background = Background({"work e": broken})
    with caplog.at_level(logging.ERROR, "proxy.upstream"):
        assert background.work("work e") == 5.0
    assert caplog.records[0].__dict__["work"] == "work e"
