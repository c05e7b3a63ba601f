"""Builds a gateway from settings. Here the clocks, the chance and the threads come in that everything else is handed."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from proxy.canonical.catalog import ModelCard
from proxy.catalogue_file import Catalogue
from proxy.dialect import Egress
from proxy.dialects.registry import egress_of
from proxy.errors import UpstreamError
from proxy.gateway import MAX_WHOLE_BYTES, Gateway, Upstream, models_call
from proxy.gateway_config import GatewayConfig
from proxy.profile_book import ProfileBook, Server
from proxy.routing import ModelMap
from proxy.settings import Settings
from proxy.upstream.breaker import Breakers, BreakerState, OnChange
from proxy.upstream.client import UpstreamClient
from proxy.upstream.models import ModelList
from proxy.upstream.reply import Timeouts
from proxy.upstream.retry import RetryPolicy
from proxy.upstream.session import make_session
from proxy.upstream_settings import ReplicaSettings, UpstreamSettings

UPSTREAM_NAME = "default"

OnBreakerChange = Callable[[str, str, BreakerState, bool], None]


def build_gateway(config: GatewayConfig, on_breaker_change: OnBreakerChange | None = None) -> Gateway:
    """The gateway for the first replica of the default upstream.

    Args:
        on_breaker_change: is told upstream, model (`""` for the whole upstream), the new state of its breaker, and whether it is listed.
    """
    default = config.upstream()
    settings = settings_for(config.settings, default, default.replicas[0])
    upstream = build_upstream(settings, config.catalogue, on_breaker_change)
    return Gateway(
        upstream,
        ModelMap(config.aliases),
        ProfileBook({upstream.name: Server(settings.openai_api_base_url, settings.upstream_profile)}),
        catalogue=config.catalogue,
        new_id=partial(secrets.token_hex, 12),
        default_model=settings.default_model,
        keepalive_s=settings.keepalive_interval,
        patience_s=settings.first_byte_timeout,
    )


def settings_for(settings: Settings, upstream: UpstreamSettings, replica: ReplicaSettings) -> Settings:
    """`settings` as if they knew nothing but one replica, and of the upstream's keys the first."""
    return replace(
        settings,
        openai_api_base_url=replica.base_url,
        openai_api_key=next(iter(upstream.keys), ""),
        upstream_profile=upstream.profile,
        upstream_proxy=upstream.proxy,
        upstream_ca_bundle=upstream.tls.ca_bundle,
        disable_ssl_verification=not upstream.tls.verify,
        connect_timeout=upstream.timeouts.connect_s,
        first_byte_timeout=upstream.timeouts.first_byte_s,
        request_timeout=upstream.timeouts.idle_s,
        health_check_timeout=upstream.timeouts.health_check_s,
        max_retries=upstream.stubbornness.max_retries,
        retry_after_max=upstream.stubbornness.retry_after_max_s,
        breaker_failures=upstream.stubbornness.breaker_failures,
        breaker_cooldown=upstream.stubbornness.breaker_cooldown_s,
        model_list_ttl=upstream.model_list_ttl_s,
    )


def build_upstream(settings: Settings, catalogue: Catalogue | None = None, on_breaker_change: OnBreakerChange | None = None) -> Upstream:
    """The configured upstream; nothing is sent yet."""
    egress = egress_of("openai")

    def tell(model: str, state: BreakerState) -> None:
        if on_breaker_change is not None:
            on_breaker_change(UPSTREAM_NAME, model, state, not model or models.by_name(model) is not None)

    client = _build_client(settings, egress, tell)
    known = catalogue or Catalogue()

    def fetch() -> list[ModelCard]:
        return [known.describe(card) for card in _listed(client, egress, settings.health_check_timeout)]

    models = ModelList(fetch, settings.model_list_ttl, time.monotonic, _beside_the_request)
    identity = hashlib.sha256(settings.openai_api_base_url.encode()).hexdigest()[:16]
    return Upstream(UPSTREAM_NAME, identity, client, egress, models)


def _build_client(settings: Settings, egress: Egress, on_change: OnChange) -> UpstreamClient:
    session = make_session(
        pool_size=settings.worker_connections,
        ca_bundle=settings.upstream_ca_bundle,
        verify=not settings.disable_ssl_verification,
        proxy=settings.upstream_proxy,
        transport=settings.upstream_transport,
    )
    breakers = Breakers(
        failures=settings.breaker_failures,
        cooldown_s=settings.breaker_cooldown,
        clock=time.monotonic,
        on_change=on_change,
    )
    return UpstreamClient(
        UPSTREAM_NAME,
        settings.openai_api_base_url,
        settings.openai_api_key,
        session=session,
        policy=RetryPolicy(settings.max_retries, settings.retry_after_max),
        breakers=breakers,
        read_error=egress.read_error,
        timeouts=Timeouts(settings.connect_timeout, settings.first_byte_timeout, settings.request_timeout, settings.keepalive_interval),
    )


def _listed(client: UpstreamClient, egress: Egress, timeout_s: float) -> list[ModelCard]:
    reply = client.send(models_call(egress, timeout_s))
    try:
        return egress.read_models(reply.read(MAX_WHOLE_BYTES, timeout_s))
    except UpstreamError as error:
        client.make_fit(error)
        raise
    finally:
        reply.close()


def _beside_the_request(work: Callable[[], None]) -> None:
    """Runs `work` in a thread; under gevent that is a greenlet."""
    threading.Thread(target=work, daemon=True, name="model-list").start()
