"""`Gateway`: all that the web side may ask of the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proxy.canonical.catalog import ModelCard
from proxy.catalogue_file import Catalogue, describe
from proxy.dialect import EmbeddingsEndpoint, Payload, RelayEndpoint, Stopwatch
from proxy.errors import ProxyError, UpstreamRefused
from proxy.gateway.embeddings import embed
from proxy.gateway.relaying import relay, relay_get
from proxy.gateway.steps import Steps, Upstream, models_call
from proxy.gateway.texts import Texts
from proxy.profile_book import ProfileBook
from proxy.routing import ModelMap
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import Reply


class Gateway:
    """Carries requests through the house. `converse` is `Texts.converse`.

    Args:
        catalogue: what the operator says of models; here for those that the upstream does not list.
        new_id: makes ids for tool calls and answers that came without one.
        default_model: stands in for an absent or empty `model`.
        keepalive_s: the longest time for which a stream's client hears nothing.
        patience_s: how long an upstream's stream may go on without giving a part of its answer.
    """

    def __init__(
        self,
        upstream: Upstream,
        model_map: ModelMap,
        profiles: ProfileBook,
        *,
        catalogue: Catalogue,
        new_id: Callable[[], str],
        default_model: str = "",
        keepalive_s: float = 15.0,
        patience_s: float = 300.0,
    ) -> None:
        self._upstream = upstream
        self._map = model_map
        self._catalogue = catalogue
        self._steps = Steps(upstream, model_map, profiles, default_model)
        texts = Texts(self._steps, told_of=self._told_of, new_id=new_id, keepalive_s=keepalive_s, patience_s=patience_s)
        self.converse = texts.converse

    def embed(self, payload: Payload, endpoint: EmbeddingsEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch) -> Reply:
        """See `proxy.gateway.embeddings`."""
        return embed(self._steps, payload, endpoint, notes, stopwatch)

    def relay(self, body: bytes, payload: Payload, endpoint: RelayEndpoint, notes: ExchangeNotes) -> Reply:
        """See `proxy.gateway.relaying`."""
        return relay(self._steps, body, payload, endpoint, notes)

    def relay_get(self, path: str, notes: ExchangeNotes, model: str = "", otherwise: bytes | None = None) -> Reply:
        """See `proxy.gateway.relaying`."""
        return relay_get(self._steps, path, notes, model, otherwise)

    @property
    def lists_models(self) -> bool:
        """Whether the upstream has a model list at all; true until it says otherwise."""
        return self._upstream.models.lists

    def models(self) -> Sequence[ModelCard]:
        """The upstream's models, from the cache where there is one; `()` when it cannot list.

        Raises:
            UpstreamError: the list was never fetched and cannot be fetched now.
        """
        return self._upstream.models.cards()

    def find_model(self, name: str) -> ModelCard | None:
        """What is known of the model that `name` leads to: from the upstream's list, else from the operator. Asks nobody."""
        model = self.upstream_model(name)
        return self._upstream.models.by_name(model) or self._told_of(model)

    def _told_of(self, model: str) -> ModelCard | None:
        """What the operator says of an upstream model."""
        facts = self._catalogue.facts(model)
        return None if facts is None else describe(ModelCard(model), facts)

    def aliases(self) -> Mapping[str, str]:
        """The operator's exact names -> the upstream's."""
        return self._map.aliases()

    def upstream_model(self, name: str) -> str:
        """The name under which the upstream is asked for `name`."""
        return self._map.upstream_model(name, self._upstream.models)

    def upstream_identity(self) -> str:
        """A word that is stable over restarts and differs between upstreams."""
        return self._upstream.identity

    def health(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of each upstream, from memory."""
        models = self._upstream.models
        age_s = None if models.age_s is None else round(models.age_s, 3)
        return {self._upstream.name: {**self._upstream.client.health(), "models": models.count, "models_age_s": age_s}}

    def probe(self, timeout_s: float) -> bool:
        """Whether the upstream begins to answer within that time: an error of its own is an answer, unless it says that it is unwell."""
        try:
            self._upstream.client.send(models_call(self._upstream.egress, timeout_s), once=True).drain_or_close()
        except UpstreamRefused as refusal:
            return refusal.upstream_status < 500
        except ProxyError:
            return False
        return True
