"""`Bell`: wakes a thread that waits for work. It may be rung from anywhere, a finalizer or gevent's hub included: it never waits.

`threading.Event` may not: a finalizer that runs while its thread holds the event's inner lock would wait for itself.
"""

from __future__ import annotations

import threading
from contextlib import suppress


class Bell:
    """One bell for one who waits. Rung before anybody waits, it is heard by who comes next; rung twice, it is heard once."""

    __slots__ = ("_gate",)

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._gate.acquire()

    def ring(self) -> None:
        """Ends the wait, or the next one."""
        with suppress(RuntimeError):  # It has been rung already.
            self._gate.release()

    def wait(self, seconds: float | None) -> None:
        """Waits until it is rung, or for so long; `None` for ever."""
        self._gate.acquire(timeout=-1 if seconds is None else min(max(seconds, 0.0), threading.TIMEOUT_MAX))
