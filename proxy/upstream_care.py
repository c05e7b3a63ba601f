"""Builds what runs beside the requests of an upstream: looks at its replicas, and the loading of models before somebody waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import SystemRandom

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.canonical.request import ChatRequest, Message, Sampling, TextPart
from proxy.dialect import Egress
from proxy.errors import NotSupported
from proxy.gateway import models_call
from proxy.routing import Route, profile_of
from proxy.upstream.background import Background, Work, begin_nothing
from proxy.upstream.prober import Prober, look_at
from proxy.upstream.replica import Replica
from proxy.upstream.warm_up import RestS, WarmUp
from proxy.upstream.watch import UpstreamWatch
from proxy.upstream_settings import UpstreamSettings
from proxy.wire.messages import UpstreamCall

_SMALLEST_TEXT = "."


def build_background(
    told: UpstreamSettings,
    replicas: Sequence[Replica],
    egress: Egress,
    watch: UpstreamWatch,
    welcome: Callable[[Replica], None],
    learn_models: Callable[[], None],
    rest_s: RestS,
    also_begin: Callable[[], None] = begin_nothing,
    *,
    has_stand_in: bool = False,
) -> Background | None:
    """All that is to run beside the requests, `None` for nothing.

    Args:
        welcome: is told a replica that is well again.
        learn_models: sees to it that the list of models is known. Who waited for the first request may ask when nobody can tell it.
        rest_s: for how long a replica is not to be asked for a model.
        also_begin: begins what more there is, that is not of this upstream alone.
        has_stand_in: whether another upstream may be asked in its place.
    """
    warm_ups = {
        replica.id: _build_warm_up(told, replica, base.base_url, egress, rest_s)
        for replica, base in zip(replicas, told.replicas, strict=True)
    }

    def changed(replica: Replica, is_well: bool) -> None:
        watch.looked_at(told.name, replica.label, is_well)
        if is_well:
            welcome(replica)
            background.wake(_warm_up(replica))
            learn_models()
        else:
            warm_ups[replica.id].forget()

    works: dict[str, Work] = {}
    interval_s = told.health_check_interval_s or (told.doubt_interval_s if has_stand_in else 0.0)
    for replica in replicas:
        if interval_s:
            works[look_at(replica)] = _build_prober(told, replica, egress, changed, interval_s).look
        if told.preload:
            works[_warm_up(replica)] = warm_ups[replica.id].touch
    background = Background(works, also_begin)
    return background if works or also_begin is not begin_nothing else None


def _warm_up(replica: Replica) -> str:
    return f"warm up {replica.label}"


def _build_prober(
    told: UpstreamSettings, replica: Replica, egress: Egress, on_change: Callable[[Replica, bool], None], interval_s: float
) -> Prober:
    """The list of models is what every server of the dialect has, and what costs nothing."""
    return Prober(
        told.name,
        replica,
        models_call(egress, min(told.timeouts.health_check_s, interval_s)),
        interval_s=interval_s,
        random=SystemRandom().random,  # Also in a process of a fork, and it leaves an app's own seed alone.
        clock=time.monotonic,
        on_change=on_change,
        only_in_doubt=not told.health_check_interval_s,
    )


def _build_warm_up(told: UpstreamSettings, replica: Replica, base_url: str, egress: Egress, rest_s: RestS) -> WarmUp:
    calls = {model: _smallest_calls(told, told.aliases.get(model, model), base_url, egress) for model in told.preload}
    return WarmUp(told.name, replica, calls, interval_s=told.ping_interval_s, rest_s=rest_s, clock=time.monotonic)


def _smallest_calls(told: UpstreamSettings, model: str, base_url: str, egress: Egress) -> tuple[UpstreamCall, ...]:
    """A chat of one token, and for a model that does not chat, one vector, where such servers make vectors."""
    route = Route(told.name, model, model, profile_of(base_url, told.profile, None, model, told.dialect))
    turn = Message("user", (TextPart(_SMALLEST_TEXT),))
    chat = egress.build_chat(ChatRequest(model, (turn,), sampling=Sampling(max_tokens=1)), route)
    try:
        vector = egress.build_embeddings(EmbeddingsRequest(model, (_SMALLEST_TEXT,)), route)
    except NotSupported:
        return (chat,)
    return chat, replace(vector, model=model)
