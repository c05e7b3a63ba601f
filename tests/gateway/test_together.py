from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from proxy.gateway.together import any_of

SOON_S = 5.0


def spawn(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


def test_one_question_alone_has_no_more_time() -> None:
    gate = threading.Event()
    assert not any_of([lambda: gate.wait(SOON_S)], spawn, 0.02)
    gate.set()
    assert any_of([lambda: gate.wait(SOON_S)], spawn, SOON_S)


def test_first_yes_is_not_kept_waiting_by_the_others() -> None:
    gate = threading.Event()
    began_s = time.monotonic()
    assert any_of([lambda: gate.wait(SOON_S), lambda: True, lambda: False], spawn, SOON_S)
    assert time.monotonic() - began_s < SOON_S / 2
    gate.set()


def test_last_no_ends_it() -> None:
    began_s = time.monotonic()
    assert not any_of([lambda: False, lambda: False], spawn, SOON_S)
    assert time.monotonic() - began_s < SOON_S / 2


def test_silence_is_no_after_the_time() -> None:
    gate = threading.Event()
    assert not any_of([lambda: gate.wait(SOON_S), lambda: False], spawn, 0.02)
    gate.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_question_that_breaks_is_a_no() -> None:
    threads: list[threading.Thread] = []

    def spawn_here(work: Callable[[], None]) -> None:
        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()

    assert not any_of([lambda: bool(1 // 0), lambda: False], spawn_here, SOON_S)
    assert any_of([lambda: bool(1 // 0), lambda: True], spawn_here, SOON_S)
    for thread in threads:  # What broke is told in this test, and in no later one.
        thread.join(SOON_S)
