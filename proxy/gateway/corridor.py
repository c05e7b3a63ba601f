"""`Gateway`: all that the web side may ask of the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

import orjson

from proxy.canonical.catalog import ListedModel, ModelCard
from proxy.catalogue_file import Catalogue, describe
from proxy.dialect import CountEndpoint, EmbeddingsEndpoint, Payload, Reach, RelayEndpoint, RelayReader, Stopwatch, TextEndpoint
from proxy.errors import ModelNotFound, ProxyError, UpstreamError, UpstreamRefused
from proxy.gateway.embeddings import embed
from proxy.gateway.forked import Crossing, answer
from proxy.gateway.forked_wholes import answer_vectors, count
from proxy.gateway.gathering import gather
from proxy.gateway.handing_on import hand_on
from proxy.gateway.homes import home_of, keeper_of, new_name, source_of
from proxy.gateway.keepsakes import Keepsakes, MemoryShelf, Shelf
from proxy.gateway.lacking import LackingPaths
from proxy.gateway.lists import ModelLists
from proxy.gateway.relaying import relay, relay_get
from proxy.gateway.sent import OwnWords, Sent
from proxy.gateway.steps import Steps, Upstream, models_call
from proxy.gateway.texts import Texts
from proxy.gateway.together import Spawn, any_of
from proxy.profile_book import ProfileBook
from proxy.routing import Destination, RouteTable, Rule
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import ANYBODY, Client, Reply, UpstreamCall

T = TypeVar("T")

_GIVEN_BY_THE_OPERATOR = (Rule.MAPPING, Rule.ALIAS)


class SharedState(Protocol):
    """What this worker shares with others."""

    def start(self) -> None:
        """Begins to share, in the process that serves."""

    def health(self) -> Mapping[str, Any]:
        """How it goes, from memory."""


class Gateway:
    """Carries requests through the house. `converse` is `Texts.converse`.

    Args:
        upstreams: one at least.
        table: where names lead among them.
        catalogue: what the operator says of models; here for those that no upstream lists.
        new_id: makes ids for tool calls and answers that came without one.
        spawn: runs a function beside the request.
        clock: seconds that never go back.
        names_are_upstreams: whether there is one server, whose names clients see, and no others.
        default_model: stands in for an absent or empty `model`.
        keepalive_s: the longest time for which a stream's client hears nothing.
        shelf: where lies what models want to see again; in memory when absent.
        shared: what this worker shares with others, if it does.

    Attributes:
        names_are_upstreams: as given.
        tells_clients_apart: whether it makes a difference who asks.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        table: RouteTable,
        profiles: ProfileBook,
        *,
        catalogue: Catalogue,
        new_id: Callable[[], str],
        spawn: Spawn,
        clock: Callable[[], float],
        names_are_upstreams: bool,
        default_model: str = "",
        keepalive_s: float = 15.0,
        shelf: Shelf | None = None,
        shared: SharedState | None = None,
    ) -> None:
        self.names_are_upstreams = names_are_upstreams
        self.tells_clients_apart = any(upstream.is_limited or upstream.passes_client_key for upstream in upstreams)
        self._upstreams = {upstream.name: upstream for upstream in upstreams}
        self._table = table
        self._catalogue = catalogue
        self._spawn = spawn
        self._shared = shared
        by_key = {upstream.models: upstream.lists_by_key for upstream in upstreams if upstream.lists_by_key is not None}
        names = {upstream.models: upstream.name for upstream in upstreams} if len(upstreams) > 1 else {}
        self._lists = ModelLists([upstream.models for upstream in upstreams], spawn, clock, by_key, names)
        self._steps = Steps(self._upstreams, table, profiles, self._lists, default_model=default_model, keepalive_s=keepalive_s)
        keepsakes = Keepsakes(shelf or MemoryShelf(clock), self._steps.profile)
        self._texts = Texts(self._steps, told_of=self._told_of, new_id=new_id, keepsakes=keepsakes)
        self._lacking = LackingPaths(clock)
        self.converse = self._texts.converse

    def answer(
        self, sent: Sent, text: TextEndpoint, own: RelayEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch, client: Client = ANYBODY
    ) -> Reply:
        """See `proxy.gateway.forked`."""
        return answer(self._crossing(own, sent), self._texts, sent, text, notes, stopwatch, client)

    def answer_vectors(
        self,
        sent: Sent,
        endpoint: EmbeddingsEndpoint,
        own: RelayEndpoint,
        notes: ExchangeNotes,
        stopwatch: Stopwatch,
        client: Client = ANYBODY,
    ) -> Reply:
        """See `proxy.gateway.forked_wholes`."""
        return answer_vectors(self._crossing(own, sent), sent, endpoint, notes, stopwatch, client)

    def count(self, sent: Sent, endpoint: CountEndpoint, own: RelayEndpoint, notes: ExchangeNotes, client: Client = ANYBODY) -> Reply:
        """See `proxy.gateway.forked_wholes`."""
        return count(self._crossing(own, sent), sent, endpoint, notes, client)

    def speaks(self, upstream: str, dialect: str) -> bool:
        """Whether the upstream of that name speaks the dialect."""
        found = self._upstreams.get(upstream)
        return found is not None and found.egress.name == dialect

    def lists_as_its_own(self, dialect: str) -> bool:
        """Whether there is one upstream, which speaks the dialect, and clients see its models by its names, and no others."""
        return self.names_are_upstreams and self.speaks(self._steps.default_destination().upstream, dialect)

    def home_of(self, dialect: str, model: str = "", client: Client = ANYBODY) -> Destination | None:
        """The upstream of the dialect that is to be asked about `model`, or about no model, and its name there. See `homes`.

        Raises:
            ModelNotFound: the name leads nowhere.
        """
        return home_of(self._steps, self._speakers(dialect), model, client)

    def source_of(self, dialect: str, model: str, client: Client = ANYBODY, *, wanted: str = "") -> Destination | None:
        """The upstream of the dialect that has `model`, of which another is to be made on `wanted`. See `homes`. Raises as `home_of`."""
        return source_of(self._steps, self._speakers(dialect), model, client, wanted)

    def keeper_of(self, dialect: str, model: str, client: Client = ANYBODY, *, is_new: bool = False) -> Destination | None:
        """The upstream of the dialect that has the model that is itself called so, or is to get it. See `homes`.

        Raises:
            InvalidRequest: the operator gave the name to another model.
            ModelNotFound: it is hidden.
        """
        return keeper_of(self._steps, self._speakers(dialect), model, client, is_new=is_new)

    def new_name(self, upstream: str, name: str, client: Client = ANYBODY, *, param: str = "model") -> str:
        """What the upstream is to call a new model that clients are to know as `name`. See `homes`. Raises `InvalidRequest`."""
        return new_name(self._steps, upstream, name, client, param)

    def gather(self, dialect: str, call: UpstreamCall, read: Callable[[bytes], T], client: Client = ANYBODY) -> Sequence[tuple[str, T]]:
        """What the upstreams of the dialect answer to `call`, by their names: see `proxy.gateway.gathering`."""
        self._lists.ensure_known(client.secret)
        return gather(self._steps, self._speakers(dialect), call, read, client, self._spawn)

    def name_of(self, upstream: str, model: str, client: Client = ANYBODY) -> str:
        """The name by which the client gets what the upstream calls `model`, as lists have it; `""` where it is hidden."""
        found = self._table.name_of(upstream, model)
        return found.name if found is not None and self._is_shown(found.destination, client) else ""

    def named_upstream(self, name: str) -> str:
        """The upstream that a name begins with, `""` for none: where a client wants what it names to be, whoever has it now."""
        return self._table.named_upstream(name)

    def hand_on(
        self,
        home: Destination,
        call: UpstreamCall,
        reader: Callable[[], RelayReader],
        notes: ExchangeNotes,
        client: Client = ANYBODY,
        *,
        changes_models: bool = False,
        reach: Reach = Reach.ANY,
    ) -> Reply:
        """See `proxy.gateway.handing_on`."""
        return hand_on(self._steps, home, call, reader, notes, client, changes_models=changes_models, reach=reach)

    def embed(
        self, payload: Payload, endpoint: EmbeddingsEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch, client: Client = ANYBODY
    ) -> Reply:
        """See `proxy.gateway.embeddings`."""
        return embed(self._steps, payload, endpoint, notes, stopwatch, client)

    def relay(self, body: bytes, payload: Payload, endpoint: RelayEndpoint, notes: ExchangeNotes, client: Client = ANYBODY) -> Reply:
        """See `proxy.gateway.relaying`."""
        return relay(self._steps, OwnWords(Sent(body, payload, orjson.loads)), endpoint, notes, client)

    def relay_get(self, path: str, notes: ExchangeNotes, client: Client = ANYBODY, query: str = "") -> Reply:
        """The default upstream's own answer to a GET. Raises `ProxyError`."""
        return relay_get(self._steps, path, self._steps.default_destination(), notes, client, query=query)

    def relay_model(
        self, name: str, dialect: str, path: str, otherwise: bytes | None, notes: ExchangeNotes, client: Client = ANYBODY
    ) -> Reply | None:
        """What the upstream that has the model `name` says of it, under the id that the client asked for; `None` where that upstream speaks
        another dialect.

        Args:
            path: where upstreams tell of single models; the upstream's own name of the model is added to it.
            otherwise: the answer where the upstream has no such URL, if there is one.

        Raises:
            ProxyError: for everything that goes wrong.
        """
        notes.model = name
        destination = self._found(name, client, may_be_unlisted=True)
        if not self.speaks(destination.upstream, dialect):
            return None
        return relay_get(self._steps, f"{path}/{destination.upstream_model}", destination, notes, client, otherwise=otherwise)

    def models(self, client: Client = ANYBODY) -> Sequence[ListedModel]:
        """The models of all upstreams, by the names that clients can use, from what is known; none of those that cannot list theirs, and
        none that an upstream does not show to the client's key, where it is asked with that.

        Raises:
            UpstreamError: nothing is known of any, and nothing can be had now.
        """
        self._lists.ensure_any(client.secret)
        merged = self._table.merged()
        if self._lists.differ_by_key:
            merged = tuple(each for each in merged if self._is_shown(each.destination, client))
        return [self._listed(each.name, each.destination) for each in merged]

    def find_model(self, name: str, client: Client = ANYBODY, *, may_be_unlisted: bool = False) -> ListedModel:
        """The model that clients get by `name`.

        Args:
            may_be_unlisted: whether what they may get is meant, too: where an upstream serves a key that it refuses its list to.

        Raises:
            ModelNotFound: there is none: the upstreams tell their models and not this one, and the operator does not either.
            UpstreamError: its upstream has not told its models yet.
        """
        return self._listed(name, self._found(name, client, may_be_unlisted=may_be_unlisted))

    def await_lists(self) -> Mapping[str, UpstreamError]:
        """Waits until all upstreams have told their models to who brings no key, or failed to. Why those failed that did, by upstream."""
        lists = self._lists
        lists.await_all(None)
        lists.await_renewed()
        unknown = lists.lacks()
        return {name: lack.error for name, upstream in self._upstreams.items() if (lack := unknown.get(upstream.models))}

    def awaited_lists(self) -> Sequence[str]:
        """The upstreams of which nothing came yet, neither a list nor an error."""
        return [name for name, upstream in self._upstreams.items() if self._lists.is_awaited(upstream.models)]

    def chain(self, name: str) -> Sequence[Destination]:
        """Where a request for `name` goes, and where next. Raises `ModelNotFound`."""
        return self._steps.chain(name)

    def start(self) -> None:
        """Starts what runs beside the requests: looks at replicas, the loading of models. To be called in the process that serves."""
        for upstream in self._upstreams.values():
            upstream.client.start()
        if self._shared is not None:
            self._shared.start()

    def health(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of each upstream, from memory."""
        return {name: {**upstream.client.health(), **_health_of_list(upstream)} for name, upstream in self._upstreams.items()}

    def health_of_sharing(self) -> Mapping[str, Any] | None:
        """How it is with what workers share, from memory; `None` where they share nothing."""
        return None if self._shared is None else self._shared.health()

    def probe(self, timeout_s: float) -> bool:
        """Whether some upstream begins to answer within that time.

        An error of its own is an answer, unless it says that it is unwell.
        """
        return any_of([partial(_answers, upstream, timeout_s) for upstream in self._upstreams.values()], self._spawn, timeout_s)

    def _speakers(self, dialect: str) -> list[Upstream]:
        """The upstreams of the dialect, the default one first."""
        default = self._table.default_upstream
        speakers = [upstream for upstream in self._upstreams.values() if upstream.egress.name == dialect]
        return sorted(speakers, key=lambda upstream: upstream.name != default)

    def _crossing(self, own: RelayEndpoint, sent: Sent) -> Crossing:
        return Crossing(self._steps, self._lacking, own, sent)

    def _found(self, name: str, client: Client, *, may_be_unlisted: bool) -> Destination:
        try:
            return self._found_in_lists(name, client)
        except ProxyError:
            unlisted = self._kept_from_lists(name, client) if may_be_unlisted else None
            if unlisted is None:
                raise
            return unlisted

    def _found_in_lists(self, name: str, client: Client) -> Destination:
        lists = self._lists
        try:
            lists.ensure_any(client.secret)
        except UpstreamError:
            self._ensure_addressee_told(name, client)
            raise
        found = self._table.find(name)
        if found is None and lists.has_pending:
            lists.await_all()
            found = self._table.find(name)
        if found is None and lists.await_changes(client.secret):
            found = self._table.find(name)
        if found is None:
            is_final = self._ensure_addressee_told(name, client)
            raise ModelNotFound(name) if is_final else lists.error_of_name(name, client.secret)
        destination = found.destination
        if destination.rule not in _GIVEN_BY_THE_OPERATOR:
            lists.ensure_told(self._upstreams[destination.upstream].models, client.secret)
        if not self._is_shown(destination, client):
            raise ModelNotFound(name)
        return destination

    def _kept_from_lists(self, name: str, client: Client) -> Destination | None:
        """Where requests for `name` go, if that upstream refuses its list to a key that it may serve all the same: nobody but the upstream
        knows then what it has, and what others are shown of it is not for this client.
        """
        try:
            destination = self._table.chain(name)[0]
        except ModelNotFound:
            return None
        lack = self._lists.lacks(client.secret).get(self._upstreams[destination.upstream].models)
        return replace(destination, card=None) if lack is not None and lack.is_of_lists_alone else None

    def _ensure_addressee_told(self, name: str, client: Client) -> bool:
        """Whether `name` is of one upstream alone, whose list decides. Raises why that is not known to the client, if it is not."""
        upstream = self._upstreams.get(self._table.addressee(name))
        if upstream is not None:
            self._lists.ensure_told(upstream.models, client.secret)
        return upstream is not None

    def _is_shown(self, destination: Destination, client: Client) -> bool:
        """Whether the model is one that the client may be told of. Its upstream decides that by the client's key, if by any."""
        by_key = self._upstreams[destination.upstream].lists_by_key
        if by_key is None or destination.rule in _GIVEN_BY_THE_OPERATOR:
            return True
        return by_key.shows(client.secret, destination.upstream_model)

    def _listed(self, name: str, destination: Destination) -> ListedModel:
        model = destination.upstream_model
        card = destination.card or self._told_of(model) or ModelCard(model)
        return ListedModel(name, card, self._upstreams[destination.upstream].identity)

    def _told_of(self, model: str) -> ModelCard | None:
        """What the operator says of an upstream model."""
        facts = self._catalogue.facts(model)
        return None if facts is None else describe(ModelCard(model), facts)


def _health_of_list(upstream: Upstream) -> Mapping[str, Any]:
    models = upstream.models
    age_s = None if models.age_s is None else round(models.age_s, 3)
    return {"models": models.count, "models_age_s": age_s, "models_stale": models.is_stale}


def _answers(upstream: Upstream, timeout_s: float) -> bool:
    try:
        upstream.client.send(models_call(upstream.egress, timeout_s), once=True).drain_or_close()
    except UpstreamRefused as refusal:
        return refusal.upstream_status < 500
    except ProxyError:
        return False
    return True
