"""Builds upstreams from what an operator decides about them. Clocks, chance and threads come in here; nothing is sent yet."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

from proxy.canonical.catalog import ModelCard
from proxy.catalogue_file import Catalogue
from proxy.dialect import Egress
from proxy.dialects.registry import egress_of
from proxy.errors import UpstreamError
from proxy.gateway import MAX_WHOLE_BYTES, Upstream, models_call
from proxy.gateway_config import GatewayConfig
from proxy.settings import Settings
from proxy.upstream.breaker import Breakers, BreakerState, OnChange
from proxy.upstream.client import UpstreamClient
from proxy.upstream.models import ModelList
from proxy.upstream.reply import Timeouts
from proxy.upstream.retry import RetryPolicy
from proxy.upstream.session import make_session
from proxy.upstream_settings import UpstreamSettings

OnBreakerChange = Callable[[str, str, BreakerState, bool], None]


def build_upstreams(config: GatewayConfig, on_breaker_change: OnBreakerChange | None = None) -> tuple[Upstream, ...]:
    """All upstreams of a configuration, in its order.

    Args:
        on_breaker_change: is told upstream, model (`""` for the whole upstream), the new state of its breaker, and whether it is listed.
    """
    return tuple(build_upstream(config.settings, told, config.catalogue, on_breaker_change) for told in config.upstreams)


def build_upstream(
    settings: Settings, told: UpstreamSettings, catalogue: Catalogue | None = None, on_breaker_change: OnBreakerChange | None = None
) -> Upstream:
    """One upstream.

    Args:
        settings: what belongs to the gateway as a whole.
        told: all else.
    """
    egress = egress_of(told.dialect)

    def tell(model: str, state: BreakerState) -> None:
        if on_breaker_change is not None:
            on_breaker_change(told.name, model, state, not model or models.by_name(model) is not None)

    client = _build_client(settings, told, egress, tell)
    known = catalogue or Catalogue()

    def fetch() -> list[ModelCard]:
        return [known.describe(card) for card in _listed(client, egress, told.timeouts.health_check_s)]

    models = ModelList(fetch, told.model_list_ttl_s, time.monotonic, _beside_the_request)
    return Upstream(told.name, _identity_of(told), client, egress, models)


def _identity_of(told: UpstreamSettings) -> str:
    addresses = "\n".join(replica.base_url for replica in told.replicas)
    return hashlib.sha256(addresses.encode()).hexdigest()[:16]


def _build_client(settings: Settings, told: UpstreamSettings, egress: Egress, on_change: OnChange) -> UpstreamClient:
    session = make_session(
        pool_size=settings.worker_connections,
        ca_bundle=told.tls.ca_bundle,
        verify=told.tls.verify,
        proxy=told.proxy,
        transport=settings.upstream_transport,
    )
    patience = told.stubbornness
    breakers = Breakers(
        failures=patience.breaker_failures, cooldown_s=patience.breaker_cooldown_s, clock=time.monotonic, on_change=on_change
    )
    return UpstreamClient(
        told.name,
        told.replicas[0].base_url,
        next(iter(told.keys), ""),
        session=session,
        policy=RetryPolicy(patience.max_retries, patience.retry_after_max_s),
        breakers=breakers,
        read_error=egress.read_error,
        timeouts=Timeouts(told.timeouts.connect_s, told.timeouts.first_byte_s, told.timeouts.idle_s, settings.keepalive_interval),
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
