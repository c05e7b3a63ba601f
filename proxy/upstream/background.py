"""`Background`: what runs beside the requests of an upstream, in threads of its own (greenlets under gevent). No request waits for it.

Threads begin with the first request, or with `start`, in the process that serves: what was begun before a fork would be missing after it.
They end with the process, or when nobody holds the `Background` any more.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping

from proxy.upstream.bell import Bell

Work = Callable[[], float | None]
"""Does what is due; the seconds until it is to be called again at the latest, `None` for when it is woken."""

_AFTER_A_BUG_S = 5.0

_log = logging.getLogger("proxy.upstream")


def begin_nothing() -> None:
    """For those who have nothing else to begin."""


def run_once(work: Callable[[], None]) -> None:
    """Runs `work` beside the request that asks for it."""
    threading.Thread(target=work, daemon=True, name="gateway").start()


class Background:
    """Pieces of work by name. Each may be woken before its time.

    Args:
        also_begin: is called when it starts, in each process that it starts in.
    """

    def __init__(self, works: Mapping[str, Work], also_begin: Callable[[], None] = begin_nothing) -> None:
        self._works = dict(works)
        self._also_begin = also_begin
        self._bells = {name: Bell() for name in works}
        self._pid = 0
        self._lock = threading.Lock()
        weakref.finalize(self, _ring_all, tuple(self._bells.values())).atexit = False

    def start(self) -> None:
        """Sees to it that everything runs in this process."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            self._also_begin()
            for name in self._works:
                threading.Thread(target=_run, args=(weakref.ref(self), name, self._bells[name]), daemon=True, name=name).start()

    def stop(self) -> None:
        """Lets the threads end with what they are doing. It does not start again."""
        self._works.clear()
        _ring_all(tuple(self._bells.values()))

    def wake(self, name: str) -> None:
        """Lets the work of that name, if there is one, begin now. It never waits, and may be called from anywhere."""
        bell = self._bells.get(name)
        if bell is not None:
            bell.ring()

    def is_running(self, name: str) -> bool:
        """Whether the work of that name goes on."""
        return name in self._works

    def work(self, name: str) -> float | None:
        """Does the work of that name. A bug in it must not end it for ever."""
        work = self._works.get(name)
        try:
            return None if work is None else work()
        except Exception:  # noqa: BLE001 - whatever it is
            _log.exception("work beside the requests failed", extra={"work": name})
            return _AFTER_A_BUG_S


def _run(background: weakref.ref[Background], name: str, bell: Bell) -> None:
    while (alive := background()) is not None and alive.is_running(name):
        wait_s = alive.work(name)
        del alive
        bell.wait(wait_s)


def _ring_all(bells: tuple[Bell, ...]) -> None:
    for bell in bells:
        bell.ring()
