"""A bell that may be rung from anywhere."""

from __future__ import annotations

import gc
import threading
import time

from proxy.upstream.bell import Bell


def test_a_ring_ends_the_wait() -> None:
    bell = Bell()
    threading.Timer(0.05, bell.ring).start()
    began_s = time.monotonic()
    bell.wait(10)
    assert time.monotonic() - began_s < 5


def test_rings_before_the_wait_are_heard_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    bell.wait(None)
    began_s = time.monotonic()
    bell.wait(0.05)
    assert time.monotonic() - began_s >= 0.04


def test_no_time_is_no_wait() -> None:
    Bell().wait(0)
    Bell().wait(-1)


def test_a_finalizer_may_ring_it() -> None:
    bell = Bell()

    class Rings:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            bell.ring()

    Rings()
    gc.collect()
    bell.wait(None)
