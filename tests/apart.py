"""What keeps tests of one process apart: nothing that an earlier one began is heard, or goes on, in a later one."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from proxy.upstream import background
from proxy.upstream.background import Background
from proxy.upstream.bell import Bell


@contextmanager
def what_begins_here_ends_here() -> Iterator[None]:
    """Stops what was begun beside the requests meanwhile.

    An app goes on looking at its upstreams until it is collected, and their ports may be another test's by then.
    """
    begun: list[weakref.ref[Background]] = []
    run = background._run

    def run_noted(whose: weakref.ref[Background], name: str, bell: Bell) -> None:
        begun.append(whose)
        run(whose, name, bell)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "_run", run_noted)
        yield
    for whose in begun:
        if (alive := whose()) is not None:
            alive.stop()


@contextmanager
def earlier_threads_are_not_heard(handler: logging.Handler) -> Iterator[None]:
    """Keeps from `handler` what threads say that are there already: one that was stopped may still wait for an answer."""
    earlier = frozenset(threading.enumerate()) - {threading.current_thread()}

    def is_of_now(_: logging.LogRecord) -> bool:
        return threading.current_thread() not in earlier

    handler.addFilter(is_of_now)
    try:
        yield
    finally:
        handler.removeFilter(is_of_now)
