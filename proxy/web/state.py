"""What one mount of the gateway holds. A mount is one `Proxy.init_app`; an app may have several, told apart by their blueprints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Flask, g

from proxy.gateway import Gateway
from proxy.settings import Settings
from proxy.web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class MountState:
    """The parts that requests of one mount share. `metrics` is `None` when they are switched off."""

    settings: Settings
    gateway: Gateway
    metrics: Metrics | None


def state() -> MountState:
    """The mount that serves the current request."""
    found: MountState = g.proxy_mount
    return found


def bind_state(scaffold: Flask | Blueprint, mount: MountState) -> None:
    """Makes `state()` answer `mount` in every request of this blueprint (or of an app that is only the gateway)."""

    def remember_mount() -> None:
        g.proxy_mount = mount

    register: Callable[[Callable[[], None]], object] = scaffold.before_request
    register(remember_mount)
