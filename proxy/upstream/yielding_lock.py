"""`YieldingLock`: a lock for those who may wait for it, and for finalizers and gevent's hub, who may not.

A finalizer runs in the midst of whatever its thread is doing. If that holds the lock, waiting for it would last for ever.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType


class YieldingLock:
    """A lock whose holder also does what others have left for it, when it is done with its own. Held as a context."""

    __slots__ = ("_left", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: deque[Callable[[], None]] = deque()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.release()
        self._do_what_is_left()

    def later(self, work: Callable[[], None]) -> None:
        """Does `work` under the lock: now, unless somebody holds it, who then does it in the end. It never waits."""
        self._left.append(work)
        self._do_what_is_left()

    def _do_what_is_left(self) -> None:
        # Once more after each release: somebody may have left something while the lock was not free.
        while self._left and self._lock.acquire(blocking=False):
            try:
                while self._left:
                    self._left.popleft()()
            finally:
                self._lock.release()
