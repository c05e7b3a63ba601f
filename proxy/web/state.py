"""What one mount of the gateway holds. A mount is one `Proxy.init_app`; an app may have several, told apart by their blueprints."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Request, g, request

from proxy.gateway import Gateway
from proxy.settings import Settings

if TYPE_CHECKING:
    from proxy.web.metrics import Metrics


class MountState:
    """The parts that requests of one mount share.

    Args:
        rebuild: makes the gateway anew; `None` where one process is all that there will be.

    Attributes:
        metrics: `None` when they are switched off.
    """

    def __init__(self, settings: Settings, gateway: Gateway, metrics: Metrics | None, rebuild: Callable[[], Gateway] | None = None) -> None:
        self.settings = settings
        self.metrics = metrics
        self._gateway = gateway
        self._rebuild = rebuild
        self._pid = os.getpid()
        self._turn = threading.Lock()

    @property
    def gateway(self) -> Gateway:
        """The gateway of this process.

        One that was used before a fork is no good after it: parent and children would read each other's answers from its idle connections,
        and locks would stay shut that threads held which are not there any more. Not every server that forks lets Python know of it.
        """
        if self._pid != os.getpid() and self._rebuild is not None:
            with self._turn:
                if self._pid != os.getpid():
                    self._gateway, self._pid = self._rebuild(), os.getpid()
        return self._gateway


def state() -> MountState:
    """The mount that serves the current request; `proxy.web.mounting` says which."""
    found: MountState = g.proxy_mount
    return found


def current_request() -> Request:
    """The current request itself, for those who look at it more than once: through Flask's proxy each look costs a microsecond."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 (the documented way)
    return found
