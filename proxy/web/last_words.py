"""What a stopping worker says to clients whose answers it cannot finish: an error in their dialect, not a connection that just drops."""

from __future__ import annotations

from typing import Any

import gevent

from proxy.errors import ShuttingDown
from proxy.web.departure import interrupt_all

_LOOK_EVERY_S = 0.5
# gunicorn kills what is left at its own time; the words must be out before.
_EARLIER_S = 0.7


def watch_for_the_end(worker: Any, graceful_s: float) -> None:
    """Waits beside the requests for the worker's stop signal, and then for the time that open streams are given."""
    gevent.spawn(_wait_and_tell, worker, graceful_s)


def _wait_and_tell(worker: Any, graceful_s: float) -> None:
    while worker.alive:
        gevent.sleep(_LOOK_EVERY_S)
    gevent.sleep(max(graceful_s - _EARLIER_S, 0.1))
    interrupt_all(_shutting_down, gevent.get_hub().loop.run_callback)


def _shutting_down() -> ShuttingDown:
    return ShuttingDown("the gateway is shutting down; ask again", retry_after_s=1)
