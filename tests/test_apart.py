"""Tests do not meet: what one began has ended before the next, and what its threads still say is not heard there."""

from __future__ import annotations

import logging
import threading

import pytest

from proxy.upstream.background import Background
from tests.apart import earlier_threads_are_not_heard, what_begins_here_ends_here

_log = logging.getLogger("proxy.upstream")


class Speaker(threading.Thread):
    """Says its text when it is told to, and ends."""

    def __init__(self, text: str) -> None:
        super().__init__(daemon=True)
        self._text = text
        self._told = threading.Event()
        self.start()

    def run(self) -> None:
        self._told.wait(5)
        _log.warning(self._text)

    def speak(self) -> None:
        """Waits until it has spoken."""
        self._told.set()
        self.join(5)


def test_what_was_begun_beside_requests_ends_though_somebody_still_holds_it() -> None:
    done = threading.Semaphore(0)

    def work() -> float:
        done.release()
        return 60

    with what_begins_here_ends_here():
        background = Background({"held work": work})
        background.start()
        assert done.acquire(timeout=5)
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "held work"]
    thread.join(5)
    assert not thread.is_alive()
    assert not background.is_running("held work")


def test_what_earlier_threads_say_is_not_heard(caplog: pytest.LogCaptureFixture) -> None:
    earlier, another = Speaker("of an earlier test"), Speaker("of the test that is over")
    with earlier_threads_are_not_heard(caplog.handler):
        earlier.speak()
        Speaker("of a thread of this test").speak()
        _log.warning("of the test itself")
    another.speak()
    assert caplog.messages == ["of a thread of this test", "of the test itself", "of the test that is over"]
