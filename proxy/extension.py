"""`Proxy(config).init_app(app, url_prefix=...)`: builds a gateway and mounts it in a Flask app, without touching what is the host's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask

from proxy.assembly import build_gateway
from proxy.dialects.registry import DIALECTS
from proxy.gateway_config import GatewayConfig, as_config
from proxy.settings import Settings
from proxy.web.mounting import attach_mount
from proxy.web.ops import make_ops_blueprint
from proxy.web.state import MountState

if TYPE_CHECKING:
    from proxy.web.metrics import Metrics

_KEY = "proxy"


class Proxy:
    """The gateway as a Flask extension. It keeps no app: what belongs to a mount lies in `app.extensions["proxy"]`, by its prefix.

    Args:
        config: read from the environment, `.env` and the file PROXY_CONFIG when absent. Settings alone know one upstream.

    Raises:
        SettingsError: something is wrong, or no upstream is configured.
    """

    def __init__(self, config: GatewayConfig | Settings | None = None) -> None:
        self._config = as_config(config)
        self._settings = self._config.settings

    def init_app(self, app: Flask, url_prefix: str | None = None, *, ops: bool = True) -> None:
        """Mounts all URLs below `url_prefix`. One app may have several mounts with prefixes of their own.

        Nothing is sent, and no thread begins: the app may be loaded before its server forks. What runs beside the requests begins with the
        first of them, or with `start_gateways`.

        Args:
            ops: whether `/health`, `/ready`, `/metrics` and `/v1/version` are mounted too.

        Raises:
            ValueError: the prefix does not start with a slash.
            RuntimeError: it is taken.
        """
        mounts: dict[str, MountState] = app.extensions.setdefault(_KEY, {})
        prefix = (url_prefix or "").rstrip("/")
        if prefix and not prefix.startswith("/"):
            raise ValueError(f"the prefix {prefix!r} must start with a slash")
        if prefix in mounts:
            raise RuntimeError(f"a Proxy is already mounted at {prefix or '/'!r} of this app")
        metrics = _metrics() if self._settings.enable_metrics else None
        build = partial(build_gateway, self._config, metrics)
        mount = MountState(self._settings, build(), metrics, build)
        for blueprint in self._blueprints(f"proxy{len(mounts) + 1}", ops):
            attach_mount(blueprint, mount)
            app.register_blueprint(blueprint, url_prefix=prefix or None)
        mounts[prefix] = mount

    def _blueprints(self, name: str, ops: bool) -> list[Blueprint]:
        makers = [(dialect.name, dialect.make_blueprint) for dialect in DIALECTS.values() if dialect.make_blueprint]
        blueprints = [make_blueprint(f"{name}_{dialect}") for dialect, make_blueprint in makers]
        if ops:
            blueprints.append(make_ops_blueprint(f"{name}_ops", self._settings))
        return blueprints


def _metrics() -> Metrics:
    from proxy.web.metrics import make_metrics  # noqa: PLC0415 (prometheus_client is only for those who want metrics)

    return make_metrics()


def mount_at_root(app: Flask) -> MountState:
    """The mount without a prefix."""
    mount: MountState = app.extensions[_KEY][""]
    return mount


def start_gateways(app: Any) -> None:
    """Starts what runs beside the requests of all mounts of an app, if it has any. To be called in the process that serves."""
    mounts: dict[str, MountState] = getattr(app, "extensions", {}).get(_KEY, {})
    for mount in mounts.values():
        mount.gateway.start()
