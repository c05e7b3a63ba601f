"""Builds upstreams from what an operator decides about them. Clocks, chance and threads come in here; nothing is sent yet."""

from __future__ import annotations

import hashlib
import math
import random
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from proxy.canonical.catalog import ModelCard
from proxy.catalogue_file import Catalogue
from proxy.dialect import MAX_TEXT_BYTES, Egress
from proxy.dialects.registry import api_of, egress_of
from proxy.errors import UpstreamError
from proxy.gateway import Upstream, all_models
from proxy.gateway_config import GatewayConfig
from proxy.key_names import key_names_of
from proxy.settings import Settings
from proxy.telemetry import ExchangeNotes
from proxy.upstream.background import begin_nothing, run_once
from proxy.upstream.breaker import Breakers, BreakerState
from proxy.upstream.budget import RetryBudget
from proxy.upstream.choice import POLICIES, Choice
from proxy.upstream.client import UpstreamClient
from proxy.upstream.cooldown import CoolDowns
from proxy.upstream.fleet import Fleet, ignore_recovery
from proxy.upstream.key_ring import KeyRing
from proxy.upstream.line import Line
from proxy.upstream.lists_by_key import ListsByKey
from proxy.upstream.model_changes import changes_of
from proxy.upstream.models import ModelList
from proxy.upstream.replica import Replica, labels_of
from proxy.upstream.reply import Timeouts
from proxy.upstream.retry import RetryPolicy
from proxy.upstream.seat_limits import SeatLimits, share_of
from proxy.upstream.seats import Seats
from proxy.upstream.session import make_session, make_tls_context
from proxy.upstream.watch import Unwatched, UpstreamWatch
from proxy.upstream.words import Words
from proxy.upstream_care import build_background
from proxy.upstream_settings import ReplicaSettings, Tls, UpstreamSettings
from proxy.wire.messages import UpstreamCall

if TYPE_CHECKING:
    from proxy.upstream_sharing import Sharing


def build_upstreams(config: GatewayConfig, watch: UpstreamWatch | None = None, sharing: Sharing | None = None) -> tuple[Upstream, ...]:
    """All upstreams of a configuration, in its order.

    Args:
        watch: is told what happens to them, beside the requests.
        sharing: where this worker shares with others what it knows of them.
    """
    is_one_of_several = len(config.upstreams) > 1
    tls_context_of = cache(_tls_context_of)
    return tuple(
        build_upstream(
            config.settings,
            told,
            config.catalogue,
            watch,
            sharing,
            is_one_of_several=is_one_of_several,
            has_stand_in=bool(config.fallbacks),
            tls=tls_context_of(told.tls),
        )
        for told in config.upstreams
    )


def build_upstream(
    settings: Settings,
    told: UpstreamSettings,
    catalogue: Catalogue | None = None,
    watch: UpstreamWatch | None = None,
    sharing: Sharing | None = None,
    *,
    is_one_of_several: bool = False,
    has_stand_in: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Upstream:
    """One upstream.

    Args:
        settings: what belongs to the gateway as a whole.
        told: all else.
        is_one_of_several: whether messages must say which upstream they are about.
        has_stand_in: whether some request may be served by another upstream when this one fails.
        tls: what upstreams with the same files share, because it takes 20 to 40 ms to make; made here when absent.
    """
    egress = egress_of(told.dialect)
    words = Words(f"the upstream '{told.name}'" if is_one_of_several else "the upstream", key_names_of(told))
    watch = watch or Unwatched()
    known = catalogue or Catalogue()

    def is_listed(model: str) -> bool:
        return models.by_name(model) is not None

    def learn_models() -> None:
        if by_key is None:
            models.ensure_known()

    def fetch() -> list[ModelCard]:
        cards = _listed(client, egress, told.timeouts.health_check_s)
        tell_others(cards)
        return [known.describe(card) for card in cards]

    def fetch_with(secret: str) -> list[ModelCard]:
        return [known.describe(card) for card in _listed(client, egress, told.timeouts.health_check_s, secret)]

    identity = _identity_of(told)
    changes = changes_of(identity)
    replicas = _build_replicas(settings, told, egress, words, watch, is_listed, tls or _tls_context_of(told.tls))
    client = _build_client(settings, told, egress, words, watch, replicas, is_listed, learn_models, sharing, has_stand_in=has_stand_in)
    models = ModelList(fetch, told.model_list_ttl_s, time.monotonic, run_once, partial(watch.list_fetched, told.name), changes)
    by_key = ListsByKey(models, fetch_with, told.model_list_ttl_s, time.monotonic, changes) if told.clients_bring_keys else None
    tell_others = _tell_nobody if sharing is None or by_key is not None else sharing.join_list(told, models, known.describe)
    return Upstream(
        told.name,
        identity,
        client,
        egress,
        models,
        base_url_name=words.keys.base_url,
        commit_s=told.timeouts.commit_s,
        patience_s=told.timeouts.first_byte_s,
        list_s=told.timeouts.health_check_s,
        is_limited=told.limits.in_flight > 0,
        passes_client_key=told.pass_client_key,
        api=api_of(told.dialect),
        lists_by_key=by_key,
    )


def _identity_of(told: UpstreamSettings) -> str:
    return _digest("\n".join(replica.base_url for replica in told.replicas))


def _digest(addresses: str) -> str:
    """A word for addresses, which may hold keys, that does not tell them."""
    return hashlib.sha256(addresses.encode()).hexdigest()[:16]


def _build_client(
    settings: Settings,
    told: UpstreamSettings,
    egress: Egress,
    words: Words,
    watch: UpstreamWatch,
    replicas: list[Replica],
    is_listed: Callable[[str], bool],
    learn_models: Callable[[], None],
    sharing: Sharing | None,
    *,
    has_stand_in: bool,
) -> UpstreamClient:
    stubbornness, choice = told.stubbornness, POLICIES[told.policy](random.random)
    alone = share_of(told.limits.in_flight, settings.web_concurrency)
    rations = None if sharing is None or not alone else sharing.rations(told, replicas, alone)
    seats = _build_seats(settings, told, choice, words, watch, rations) if len(told.replicas) > 1 or alone else None
    cooldowns = CoolDowns(time.monotonic, trial_s=stubbornness.breaker_cooldown_s)
    if sharing is not None:
        sharing.join(told, replicas, cooldowns, seats, rations)
    fleet = Fleet(
        replicas,
        cooldowns,
        cooldown_s=stubbornness.breaker_cooldown_s,
        on_recovery=ignore_recovery if seats is None else seats.welcome,
        is_listed=is_listed,
        words=words,
    )

    def rest_s(replica: Replica, model: str) -> float:
        return math.inf if seats is not None and seats.is_full(replica) else fleet.rest_s(replica, model)

    return UpstreamClient(
        told.name,
        fleet,
        choice=choice,
        seats=seats,
        policy=RetryPolicy(stubbornness.max_retries, stubbornness.retry_after_max_s),
        budget=RetryBudget(time.monotonic, share=stubbornness.retry_budget / 100),
        retry_sent=stubbornness.retry_sent,
        clients_bring_keys=told.clients_bring_keys,
        total_s=told.timeouts.total_s,
        background=build_background(
            told,
            replicas,
            egress,
            watch,
            ignore_recovery if seats is None else seats.welcome,
            learn_models,
            rest_s,
            begin_nothing if sharing is None else sharing.member.start,
            has_stand_in=has_stand_in,
        ),
    )


def _build_seats(
    settings: Settings, told: UpstreamSettings, choice: Choice, words: Words, watch: UpstreamWatch, limits: SeatLimits | None
) -> Seats[Replica]:
    workers = settings.web_concurrency
    return Seats(
        choice,
        per_replica=share_of(told.limits.in_flight, workers),
        queue=share_of(told.limits.queue, workers),
        queue_wait_s=told.limits.queue_wait_s,
        clock=time.monotonic,
        on_depth=partial(watch.queue_changed, told.name),
        on_waited=partial(watch.waited, told.name),
        words=words,
        limits=limits,
    )


def _build_replicas(
    settings: Settings,
    told: UpstreamSettings,
    egress: Egress,
    words: Words,
    watch: UpstreamWatch,
    is_listed: Callable[[str], bool],
    tls: ssl.SSLContext,
) -> list[Replica]:
    labels, keys = labels_of([replica.base_url for replica in told.replicas]), told.keys or ("",)
    timeouts = Timeouts(
        told.timeouts.connect_s, told.timeouts.first_byte_s, told.timeouts.idle_s, settings.keepalive_interval, told.timeouts.total_s
    )

    def build(address: ReplicaSettings, label: str) -> Replica:
        def tell(model: str, state: BreakerState) -> None:
            watch.breaker_changed(told.name, label, model, state, not model or is_listed(model))

        line = Line(
            address.base_url,
            keys,
            # A session keeps the connections to few hosts only: each replica has its own.
            session=make_session(pool_size=settings.worker_connections, tls=tls, proxy=told.proxy, transport=settings.upstream_transport),
            read_error=egress.read_error,
            timeouts=timeouts,
            headers=told.headers,
            usual_headers=egress.headers,
            key_headers=egress.key_headers,
            secrets=tuple(told.secrets()),
            words=words,
        )
        breakers = Breakers(
            failures=told.stubbornness.breaker_failures,
            cooldown_s=told.stubbornness.breaker_cooldown_s,
            clock=time.monotonic,
            on_change=tell,
            words=words,
        )
        ring = KeyRing(keys, time.monotonic)
        return Replica(_digest(address.base_url), label, address.weight, line=line, keys=ring, breakers=breakers, clock=time.monotonic)

    return [build(address, label) for address, label in zip(told.replicas, labels, strict=True)]


def _tls_context_of(tls: Tls) -> ssl.SSLContext:
    return make_tls_context(tls.ca_bundle, tls.client_cert, tls.client_key, verify=tls.verify)


def _tell_nobody(cards: Sequence[ModelCard]) -> None:
    """For workers that share nothing."""


def _listed(client: UpstreamClient, egress: Egress, timeout_s: float, secret: str = "") -> list[ModelCard]:
    """The upstream's list, as it shows it to a client's key, if there is one. What is none, from one replica, is asked for at the next."""
    notes, has_begun = ExchangeNotes(), False

    def ask(call: UpstreamCall) -> bytes:
        nonlocal has_begun
        has_begun = False
        reply = client.send(replace(call, client_secret=secret), notes)
        has_begun = True
        try:
            return reply.read(MAX_TEXT_BYTES, timeout_s)
        finally:
            reply.close()

    while True:
        try:
            return all_models(egress, ask, timeout_s)
        except UpstreamError as error:
            if not has_begun or not client.ask_again(error, notes):
                raise
