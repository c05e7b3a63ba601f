"""What one mount of the gateway holds. A mount is one `Proxy.init_app`; an app may have several, told apart by their blueprints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Request, g, request

from proxy.gateway import Gateway
from proxy.settings import Settings

if TYPE_CHECKING:
    from proxy.web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class MountState:
    """The parts that requests of one mount share. `metrics` is `None` when they are switched off."""

    settings: Settings
    gateway: Gateway
    metrics: Metrics | None


def state() -> MountState:
    """The mount that serves the current request; `proxy.web.mounting` says which."""
    found: MountState = g.proxy_mount
    return found


def current_request() -> Request:
    """The current request itself, for those who look at it more than once: through Flask's proxy each look costs a microsecond."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 (the documented way)
    return found
