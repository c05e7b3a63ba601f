"""Builds a gateway from its configuration. Here the clocks, the chance and the threads come in that the gateway is handed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from proxy.gateway import Gateway, Upstream
from proxy.gateway_config import GatewayConfig
from proxy.profile_book import ProfileBook, Server
from proxy.routing import ModelMap, RoutedUpstream, RouteTable
from proxy.settings import Settings
from proxy.upstream.background import run_once
from proxy.upstream.watch import Unwatched, UpstreamWatch
from proxy.upstream_assembly import build_upstreams

if TYPE_CHECKING:
    from proxy.upstream_sharing import Sharing


def build_gateway(config: GatewayConfig, watch: UpstreamWatch | None = None) -> Gateway:
    """The gateway for all upstreams; nothing is sent yet.

    Args:
        watch: is told what happens to upstreams beside the requests.
    """
    settings = config.settings
    sharing = _build_sharing(settings, watch or Unwatched()) if settings.redis_url else None
    upstreams = build_upstreams(config, watch, sharing)
    return Gateway(
        upstreams,
        build_route_table(config, upstreams),
        ProfileBook({told.name: Server(told.replicas[0].base_url, told.profile, told.dialect) for told in config.upstreams}),
        catalogue=config.catalogue,
        new_id=partial(secrets.token_hex, 12),
        spawn=run_once,
        clock=time.monotonic,
        names_are_upstreams=_leaves_names_alone(config),
        default_model=settings.default_model,
        keepalive_s=settings.keepalive_interval,
        shared=None if sharing is None else sharing.member,
        shelf=None if sharing is None else sharing.shelf(run_once),
    )


def build_route_table(config: GatewayConfig, upstreams: Sequence[Upstream]) -> RouteTable:
    """Where the names lead that clients use.

    Args:
        upstreams: those of the configuration, in its order.
    """
    routed = [
        RoutedUpstream(told.name, upstream.models, told.priority, told.aliases, told.show, told.hide)
        for told, upstream in zip(config.upstreams, upstreams, strict=True)
    ]
    return RouteTable(routed, config.default_upstream, ModelMap(config.aliases), config.fallbacks)


def _build_sharing(settings: Settings, watch: UpstreamWatch) -> Sharing:
    from proxy.upstream_sharing import Sharing  # noqa: PLC0415 (it needs redis-py)

    return Sharing(settings, watch)


def _leaves_names_alone(config: GatewayConfig) -> bool:
    """Whether there is one server, and clients see its models by its names, and no others. Of several, any may be one that hangs."""
    (first, *others) = config.upstreams
    return not (others or len(first.replicas) > 1 or config.aliases or first.aliases or first.show or first.hide)
