from __future__ import annotations

import time

from proxy.web.stopwatch import Stopwatch


def test_elapsed_when_read_twice_does_not_go_back() -> None:
    stopwatch = Stopwatch()
    first, second = stopwatch.elapsed_ns(), stopwatch.elapsed_ns()

    assert 0 <= first <= second


def test_time_when_read_is_the_wall_clock_in_nanoseconds() -> None:
    before_ns = time.time_ns()

    assert before_ns <= Stopwatch().time_ns() <= time.time_ns()
