"""Builds a gateway from its configuration."""

from __future__ import annotations

import secrets
from functools import partial

from proxy.gateway import Gateway
from proxy.gateway_config import GatewayConfig
from proxy.profile_book import ProfileBook, Server
from proxy.routing import ModelMap
from proxy.upstream_assembly import OnBreakerChange, build_upstreams


def build_gateway(config: GatewayConfig, on_breaker_change: OnBreakerChange | None = None) -> Gateway:
    """The gateway for the default upstream.

    Args:
        on_breaker_change: see `build_upstreams`.
    """
    settings, default = config.settings, config.upstream()
    (upstream,) = (one for one in build_upstreams(config, on_breaker_change) if one.name == default.name)
    return Gateway(
        upstream,
        ModelMap(config.aliases),
        ProfileBook({one.name: Server(one.replicas[0].base_url, one.profile) for one in config.upstreams}),
        catalogue=config.catalogue,
        new_id=partial(secrets.token_hex, 12),
        default_model=settings.default_model,
        keepalive_s=settings.keepalive_interval,
        patience_s=default.timeouts.first_byte_s,
    )
