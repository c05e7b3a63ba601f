"""The alarm of a read, with a loop and a reader of the test's."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from proxy.upstream.alarm import ReadAlarm, alarm_for


class Timer:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ring: Callable[[], None] | None = None

    def start(self, ring: Callable[[], None]) -> None:
        self.ring = ring

    def stop(self) -> None:
        self.ring = None

    def close(self) -> None:
        pass


class Loop:
    """Makes timers that ring when the test says so."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def timer(self, seconds: float, *, ref: bool) -> Timer:
        assert not ref
        self.timers.append(Timer(seconds))
        return self.timers[-1]

    @property
    def running(self) -> list[Timer]:
        return [timer for timer in self.timers if timer.ring]

    def ring(self) -> None:
        (timer,) = self.running
        assert timer.ring is not None
        timer.ring()


class Reader:
    """A greenlet: what is thrown is kept, for its read to raise."""

    def __init__(self) -> None:
        self.thrown: list[BaseException] = []

    def throw(self, error: BaseException) -> None:
        self.thrown.append(error)


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def alarm(loop: Loop, reader: Reader) -> ReadAlarm:
    return ReadAlarm(loop, lambda: reader)


def test_a_read_that_waits_for_too_long_is_woken(alarm: ReadAlarm, loop: Loop, reader: Reader) -> None:
    def silent(_: int) -> bytes:
        time.sleep(0.03)
        loop.ring()
        raise reader.thrown[0]

    alarm.set(0.02)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            alarm.watch(silent, 10)
        assert len(loop.running) == 1


def test_a_read_that_began_late_is_given_the_rest_of_its_time(alarm: ReadAlarm, loop: Loop, reader: Reader) -> None:
    def ringing(size: int) -> bytes:
        loop.ring()
        return b"x" * size

    alarm.set(10.0)
    assert alarm.watch(ringing, 3) == b"xxx"
    assert reader.thrown == []
    assert 9 < loop.running[0].seconds <= 10


def test_between_reads_it_rings_for_nobody(alarm: ReadAlarm, loop: Loop, reader: Reader) -> None:
    alarm.set(0.01)
    assert alarm.watch(lambda size: b"", 1) == b""
    time.sleep(0.02)
    loop.ring()
    assert reader.thrown == []
    assert len(loop.running) == 1


def test_it_can_be_set_anew_and_stopped(alarm: ReadAlarm, loop: Loop) -> None:
    alarm.set(1.0)
    alarm.set(2.0)
    assert [timer.seconds for timer in loop.running] == [2.0]
    alarm.stop()
    alarm.stop()
    assert loop.running == []


def test_a_socket_that_is_not_gevents_has_none() -> None:
    with socket.socket() as plain:
        assert alarm_for(plain) is None
