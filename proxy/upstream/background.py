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

Work = Callable[[], float | None]
"""Does what is due; the seconds until it is to be called again at the latest, `None` for when it is woken."""

_AFTER_A_BUG_S = 5.0

_log = logging.getLogger("proxy.upstream")


class Background:
    """Pieces of work by name. Each may be woken before its time."""

    def __init__(self, works: Mapping[str, Work]) -> None:
        self._works = dict(works)
        self._signals = {name: threading.Event() for name in works}
        self._pid = 0
        self._lock = threading.Lock()
        weakref.finalize(self, _set_all, tuple(self._signals.values())).atexit = False

    def start(self) -> None:
        """Sees to it that everything runs in this process."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            for name in self._works:
                threading.Thread(target=_run, args=(weakref.ref(self), name, self._signals[name]), daemon=True, name=name).start()

    def wake(self, name: str) -> None:
        """Lets the work of that name, if there is one, begin now. It never waits."""
        signal = self._signals.get(name)
        if signal is not None:
            signal.set()

    def work(self, name: str) -> float | None:
        """Does the work of that name. A bug in it must not end it for ever."""
        try:
            return self._works[name]()
        except Exception:  # noqa: BLE001 - whatever it is
            _log.exception("work beside the requests failed", extra={"work": name})
            return _AFTER_A_BUG_S


def _run(background: weakref.ref[Background], name: str, signal: threading.Event) -> None:
    while (alive := background()) is not None:
        wait_s = alive.work(name)
        del alive
        signal.wait(wait_s)
        signal.clear()


def _set_all(signals: tuple[threading.Event, ...]) -> None:
    for signal in signals:
        signal.set()
