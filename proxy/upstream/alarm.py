"""Wakes a greenlet that waits for its upstream for too long.

A time-out of the socket would do, and does without gevent. But gevent makes and drops a timer for each read that waits, which is a fourth
of what a token costs us. Here a stream has one timer; when it rings, it looks how long the current read has been waiting.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import Any


class ReadAlarm:
    """One stream's alarm. Raises `TimeoutError` in the greenlet that reads, and only there: nothing is lost, and it may read again."""

    __slots__ = ("_getcurrent", "_loop", "_reader", "_since_s", "_timer", "_wait_s")

    def __init__(self, loop: Any, getcurrent: Callable[[], Any]) -> None:
        self._loop = loop
        self._getcurrent = getcurrent
        self._reader: Any = None
        self._since_s = 0.0
        self._wait_s = 0.0
        self._timer: Any = None

    def set(self, seconds: float) -> None:
        """Lets reads wait for so long from now on."""
        self._wait_s = seconds
        self._ring_after(seconds)

    def watch(self, receive: Callable[[int], bytes], size: int) -> bytes:
        """What `receive(size)` returns. Raises `TimeoutError` when it waits for too long."""
        self._since_s = monotonic()
        self._reader = self._getcurrent()
        try:
            return receive(size)
        finally:
            self._reader = None

    def stop(self) -> None:
        """Ends the alarm; may be called more than once."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _ring_after(self, seconds: float) -> None:
        self.stop()
        self._timer = self._loop.timer(seconds, ref=False)
        self._timer.start(self._ring)

    def _ring(self) -> None:
        """Runs in the hub."""
        reader = self._reader
        rest_s = self._wait_s if reader is None else self._since_s + self._wait_s - monotonic()
        if rest_s > 0:
            self._ring_after(rest_s)
        else:
            self._ring_after(self._wait_s)
            reader.throw(TimeoutError("timed out"))


def alarm_for(source: Any) -> ReadAlarm | None:
    """An alarm for reads from the socket `source`; `None` when it is none of gevent's, and must have a time-out of its own."""
    gevent = sys.modules.get("gevent")
    if gevent is None or not type(source).__module__.startswith("gevent."):
        return None
    return ReadAlarm(gevent.get_hub().loop, gevent.getcurrent)
