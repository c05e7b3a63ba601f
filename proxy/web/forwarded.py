"""Who a request comes from when a reverse proxy stands before us: werkzeug's `ProxyFix`, for the proxies that the operator trusts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ForwardedFor:
    """A WSGI app that believes `X-Forwarded-For` and `X-Forwarded-Proto` of trusted peers, and of nobody else.

    Args:
        trusted: comma list of addresses and networks; `*` trusts all.
    """

    def __init__(self, app: WsgiApp, trusted: str) -> None:
        self._app = app
        self._behind_proxy = ProxyFix(app, x_for=1, x_proto=1, x_host=0)
        names = [name.strip() for name in trusted.split(",") if name.strip()]
        self._trusts_all = "*" in names
        self._networks = [ip_network(name, strict=False) for name in names if name != "*"]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "HTTP_X_FORWARDED_FOR" in environ and self._trusts(environ.get("REMOTE_ADDR", "")):
            return self._behind_proxy(environ, start_response)
        return self._app(environ, start_response)

    def _trusts(self, peer: str) -> bool:
        if self._trusts_all:
            return True
        try:
            address = ip_address(peer)
        except ValueError:  # a Unix socket has no address
            return False
        return any(address in network for network in self._networks)
