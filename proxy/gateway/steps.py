"""The steps that several ways through the corridor share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from proxy.canonical.catalog import ModelCard
from proxy.dialect import Egress, Payload
from proxy.errors import ModelNotFound, ProxyError, UpstreamRefused
from proxy.profile_book import ProfileBook
from proxy.routing import ModelMap, Route
from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from proxy.upstream.models import ModelList
from proxy.upstream.reply import UpstreamReply
from proxy.wire.messages import UpstreamCall

MAX_REPAIRS = 3
MAX_WHOLE_BYTES = 256 * 1024 * 1024

T = TypeVar("T")

_log = logging.getLogger("proxy.gateway")


@dataclass(frozen=True, slots=True)
class Upstream:
    """One backend: how it is reached, asked and known. `identity` tells it from others in digests, without naming its address."""

    name: str
    identity: str
    client: UpstreamClient
    egress: Egress
    models: ModelList


class Steps:
    """The upstream, and how a request gets there.

    Args:
        default_model: stands in for an absent or empty `model`.
    """

    def __init__(self, upstream: Upstream, model_map: ModelMap, profiles: ProfileBook, default_model: str) -> None:
        self.upstream = upstream
        self.default_model = default_model
        self._map = model_map
        self._profiles = profiles

    def with_default_model(self, payload: Payload) -> Payload:
        """The payload, with the default model where it names none: `null` and `""` are no names. Keys count in any case, as Ollama's do."""
        if self.default_model and all(value in (None, "") for key, value in payload.items() if key.lower() == "model"):
            return {**payload, "model": self.default_model}
        return payload

    def route(self, model: str, notes: ExchangeNotes) -> tuple[Route, ModelCard | None]:
        """Where a request for `model` goes, and what the upstream lists of the model there.

        The first request waits for the upstream's list, which tells what kind of server it is.
        """
        upstream = self.upstream
        upstream.models.ensure_known()
        upstream_model = self._map.upstream_model(model, upstream.models)
        card = upstream.models.by_name(upstream_model)
        notes.upstream, notes.upstream_model, notes.known_model = upstream.name, upstream_model, card is not None
        route = Route(upstream.name, model, upstream_model, self._profiles.current(upstream.name, upstream_model, card))
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("routed", extra=_about(route, notes) | {"profile": route.profile.name, "listed": card is not None})
        return route, card

    def with_repairs(self, route: Route, notes: ExchangeNotes, attempt: Callable[[Route], T]) -> T:
        """What `attempt` returns, after at most `MAX_REPAIRS` lessons in what the upstream does not take. The lessons are kept."""
        while True:
            try:
                result = attempt(route)
            except UpstreamRefused as refusal:
                profile = self.upstream.egress.repair(refusal, route.profile) if notes.repairs < MAX_REPAIRS else None
                if profile is None:
                    raise named(refusal, route.model) from refusal
                notes.repairs += 1
                _log.info("upstream refused a parameter; asking again without", extra=_about(route, notes) | {"error": refusal.message})
                route = replace(route, profile=profile)
            else:
                if notes.repairs:
                    self._profiles.learn(route.upstream, route.upstream_model, route.profile)
                return result

    def fetch(self, call: UpstreamCall, notes: ExchangeNotes) -> bytes:
        """The whole answer to `call`. Raises `UpstreamError`."""
        return read_and_close(self.upstream.client.send(call, notes))


def _about(route: Route, notes: ExchangeNotes) -> dict[str, object]:
    return {"request_id": notes.request_id, "model": route.model, "upstream": route.upstream, "upstream_model": route.upstream_model}


def models_call(egress: Egress, timeout_s: float) -> UpstreamCall:
    """The call for the upstream's list of models, whose answer is to begin within that time."""
    return replace(egress.build_models(), first_byte_s=timeout_s)


def read_and_close(reply: UpstreamReply) -> bytes:
    """The whole body of `reply`. Raises `UpstreamError`."""
    try:
        return reply.read(MAX_WHOLE_BYTES)
    finally:
        reply.close()


def named(refusal: UpstreamRefused, model: str) -> ProxyError:
    """`refusal`, or the house's own word for it when the upstream has no such model: clients know the name they asked for."""
    if model and refusal.status == 404 and refusal.code == "model_not_found":
        return ModelNotFound(model)
    return refusal
