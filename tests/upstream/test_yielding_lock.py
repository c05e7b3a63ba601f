"""A lock for finalizers, too."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from proxy.upstream.yielding_lock import YieldingLock


def test_what_is_left_while_nobody_holds_the_lock_is_done_at_once() -> None:
    lock, done = YieldingLock(), list[str]()
    lock.later(lambda: done.append("now"))
    assert done == ["now"]


def test_what_is_left_while_somebody_holds_the_lock_is_done_in_the_end_and_in_order() -> None:
    """Also by who holds it: a finalizer runs in the midst of that."""
    lock, done = YieldingLock(), list[str]()
    with lock:
        for word in ("first", "second"):
            lock.later(lambda word=word: done.append(word))  # type: ignore[misc]
        thread = threading.Thread(target=lock.later, args=(lambda: done.append("third"),))
        thread.start()
        thread.join(5)
        assert (done, thread.is_alive()) == ([], False)
    assert done == ["first", "second", "third"]


def test_what_is_left_by_what_was_left_is_done_too() -> None:
    lock, done = YieldingLock(), list[str]()
    with lock:
        lock.later(lambda: lock.later(lambda: done.append("inner")))
    assert done == ["inner"]


def test_lock_is_free_after_a_failure() -> None:
    lock, done = YieldingLock(), list[str]()

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lock.later(fail)
    lock.later(lambda: done.append("free"))
    assert done == ["free"]


def test_only_one_at_a_time_does_something_under_the_lock() -> None:
    lock, inside, most, count = YieldingLock(), [0], [0], [0]

    def work() -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        count[0] += 1
        inside[0] -= 1

    def hold() -> None:
        with lock:
            work()

    def often(turn: Callable[[], None]) -> None:
        for _ in range(500):
            turn()

    threads = [threading.Thread(target=often, args=(turn,)) for turn in (hold, lambda: lock.later(work)) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (most, count) == ([1], [3000])
