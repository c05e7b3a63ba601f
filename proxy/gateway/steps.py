"""The steps that several ways through the corridor share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from proxy.canonical.catalog import ModelCard
from proxy.dialect import MAX_TEXT_BYTES, Egress, Payload
from proxy.errors import ModelNotFound, ProxyError, UpstreamRefused
from proxy.gateway.errands import Errands
from proxy.gateway.lacks import about_clients_key, called
from proxy.gateway.lists import ModelLists
from proxy.profile_book import ProfileBook
from proxy.profiles import Profile
from proxy.routing import Destination, Route, RouteTable, Rule
from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from proxy.upstream.lists_by_key import ListsByKey
from proxy.upstream.models import ModelList
from proxy.upstream.patience import Headway
from proxy.upstream.reply import UpstreamReply
from proxy.wire.messages import ANYBODY, Client, UpstreamCall

MAX_REPAIRS = 3
# A list that never ends is cut here.
_MOST_PAGES = 100
# Where there is somewhere else to ask, nobody stands in a queue for longer.
_SHORT_QUEUE_S = 1.0
# As a status. 403 is for what a key may not do, or for where a request comes from.
_UNKNOWN_KEY = 401

T = TypeVar("T")

_log = logging.getLogger("proxy.gateway")


@dataclass(frozen=True, slots=True)
class Upstream:
    """One backend: how it is reached, asked and known.

    Attributes:
        identity: tells it from others in digests, without naming its address.
        base_url_name: what its operator calls its address.
        commit_s: how long the status of a stream stays open while it is silent; 0 for as long as it takes.
        patience_s: how long it may go on without giving a part of its answer.
        list_s: how long its list of models may let wait for its beginning.
        is_limited: whether requests may have to wait for a free replica.
        passes_client_key: whether it is shown the key that a client came with.
        api: what its base URL must lead to.
        lists_by_key: what it lists to each client's key, where the gateway has none of its own.
    """

    name: str
    identity: str
    client: UpstreamClient
    egress: Egress
    models: ModelList
    base_url_name: str = "OPENAI_API_BASE_URL"
    commit_s: float = 0.0
    patience_s: float = 300.0
    list_s: float = 30.0
    is_limited: bool = False
    passes_client_key: bool = False
    api: str = "an OpenAI-compatible API"
    lists_by_key: ListsByKey | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """A destination of a request, with the upstream that it is at.

    Attributes:
        is_last: whether nobody else will be asked.
    """

    destination: Destination
    upstream: Upstream
    is_last: bool


class Steps:
    """The upstreams, and how a request gets there.

    Args:
        default_model: stands in for an absent or empty `model`.
        keepalive_s: the longest time for which a stream's client hears nothing.

    Attributes:
        errands: openings that take longer than their client can be kept waiting.
    """

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        table: RouteTable,
        profiles: ProfileBook,
        lists: ModelLists,
        *,
        default_model: str = "",
        keepalive_s: float = 15.0,
    ) -> None:
        self.default_model = default_model
        self.keepalive_s = keepalive_s
        self.errands = Errands()
        self._upstreams = upstreams
        self._table = table
        self._profiles = profiles
        self._lists = lists
        self._told_of_clients = {
            name
            for name, upstream in upstreams.items()
            if upstream.is_limited or upstream.passes_client_key or upstream.client.uses_affinity
        }

    def with_default_model(self, payload: Payload) -> Payload:
        """The payload, with the default model where it names none: `null` and `""` are no names. Keys count in any case, as Ollama's do."""
        if self.default_model and all(value in (None, "") for key, value in payload.items() if key.lower() == "model"):
            return {**payload, "model": self.default_model}
        return payload

    def chain(self, model: str, client: Client = ANYBODY) -> tuple[Destination, ...]:
        """Where a request for `model` goes, and where next; never empty.

        The first request waits for the upstreams' lists, which tell what kinds of servers they are.

        Raises:
            ModelNotFound: it leads nowhere.
        """
        lists = self._lists
        lists.ensure_known(client.secret)
        chain = self._table.chain(model)
        if chain[0].rule is Rule.DEFAULT and len(self._upstreams) > 1:
            if lists.has_pending:
                lists.await_all()
                chain = self._table.chain(model)
            if chain[0].rule is Rule.DEFAULT and lists.await_renewed(client.secret):
                chain = self._table.chain(model)
        return chain

    def own(self, model: str, homes: Sequence[str]) -> Destination | None:
        """See `RouteTable.own`."""
        return self._table.own(model, homes)

    def awaited_own(self, model: str, homes: Sequence[str], client: Client) -> Destination | None:
        """As `own`, after having waited for lists as `chain` does."""
        lists = self._lists
        lists.ensure_known(client.secret)
        found = self._table.own(model, homes)
        if len(self._upstreams) > 1 and (found is None or found.rule is Rule.DEFAULT):
            if lists.has_pending:
                lists.await_all()
            lists.await_renewed(client.secret)
            found = self._table.own(model, homes)
        return found

    def own_at(self, upstream: str, model: str) -> Destination | None:
        """See `RouteTable.own_at`."""
        return self._table.own_at(upstream, model)

    def own_name(self, place: Destination) -> str:
        """See `RouteTable.own_name`."""
        return self._table.own_name(place)

    def default_destination(self) -> Destination:
        """Where a request goes that names no model."""
        return Destination(self._table.default_upstream, "", None, Rule.DEFAULT, "no model was named")

    def upstream(self, name: str) -> Upstream:
        """The upstream that is called so."""
        return self._upstreams[name]

    def lets_in(self, destination: Destination, client: Client) -> bool:
        """Whether the destination's upstream is not known to refuse whoever brings no key, or this client brings one."""
        by_key = self._upstreams[destination.upstream].lists_by_key
        return by_key is None or bool(client.secret) or not by_key.refuses("")

    def route(self, destination: Destination, model: str, notes: ExchangeNotes) -> Route:
        """How a request for `model` is sent there. What happens from now on is noted of this destination."""
        note_destination(notes, destination)
        upstream, upstream_model = destination.upstream, destination.upstream_model
        route = Route(upstream, model, upstream_model, self.profile(destination))
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("routed", extra=_about(route, notes) | {"profile": route.profile.name, "why": destination.why})
        return route

    def profile(self, destination: Destination) -> Profile:
        """What is known of the server there."""
        return self._profiles.current(destination.upstream, destination.upstream_model, destination.card)

    def learn(self, destination: Destination, profile: Profile) -> None:
        """Asks the server there with `profile` from now on."""
        self._profiles.learn(destination.upstream, destination.upstream_model, profile)

    def signed(self, call: UpstreamCall, goal: Goal, client: Client, affinity_key: Callable[[str], bytes]) -> UpstreamCall:
        """`call` with what the upstream is to know of who asks, and of how long; most upstreams are to know nothing.

        Args:
            affinity_key: makes the key for the upstream's name of the model.
        """
        upstream = goal.upstream
        if upstream.name not in self._told_of_clients:
            return call if goal.is_last else replace(call, can_go_elsewhere=True)
        return replace(
            call,
            affinity_key=affinity_key(call.model) if upstream.client.uses_affinity else b"",
            client_key=client.key,
            client_secret=client.secret if upstream.passes_client_key else "",
            queue_wait_s=None if goal.is_last else _SHORT_QUEUE_S,
            can_go_elsewhere=not goal.is_last,
        )

    def explained(self, error: ProxyError, destination: Destination, model: str, client: Client) -> ProxyError:
        """`error`, or what is true in its place, to a client who asked for `model`: a name that nobody lists is not unknown while some
        upstream has told no list that may have it. The default upstream, which is asked for it, cannot know.
        """
        upstream = self._upstreams[destination.upstream]
        is_of_name = error.status == ModelNotFound.status and error.code == "model_not_found"
        if not is_of_name or destination.rule is not Rule.DEFAULT or not destination.upstream_model:
            return self.advised(error, upstream, client)
        told = self._lists.error_of_name(model, client.secret, upstream.models)
        return error if isinstance(told, ModelNotFound) and not told.why else told

    def advised(self, error: ProxyError, upstream: Upstream, client: Client) -> ProxyError:
        """`error`, or where it is about the key that the client brought, or should have brought, the same with what to do about it."""
        is_clients = upstream.passes_client_key and (client.secret or upstream.lists_by_key is not None)
        if not is_clients or not isinstance(error, UpstreamRefused) or error.told_status != _UNKNOWN_KEY:
            return error
        name = called(upstream.name if len(self._upstreams) > 1 else "")
        what = (
            f"{name} refused the key that this request brought" if client.secret else f"{name} wants a key, and this request brought none"
        )
        return about_clients_key(error, what, has_key=bool(client.secret))

    def note_broken(self, notes: ExchangeNotes, error: ProxyError) -> None:
        """Lets the upstream's client know of an answer that broke after the client had got some of it."""
        self._upstreams[notes.upstream].client.stream_failed(notes, error)

    def with_repairs(self, route: Route, notes: ExchangeNotes, attempt: Callable[[Route], T], asked: Callable[[Route], object]) -> T:
        """What `attempt` returns, after at most `MAX_REPAIRS` lessons in what the upstream does not take. The lessons are kept.

        Args:
            asked: what `attempt` sends by a route. The same is not sent twice.
        """
        while True:
            try:
                result = attempt(route)
            except UpstreamRefused as refusal:
                repaired = self._repaired(route, refusal, asked) if notes.repairs < MAX_REPAIRS else None
                if repaired is None:
                    refusal.is_translated = True
                    raise named(refusal, route.model) from refusal
                notes.repairs += 1
                _log.info("upstream refused a parameter; asking again without", extra=_about(route, notes) | {"error": refusal.message})
                route = repaired
            else:
                if notes.repairs:
                    self._profiles.learn(route.upstream, route.upstream_model, route.profile)
                return result

    def _repaired(self, route: Route, refusal: UpstreamRefused, asked: Callable[[Route], object]) -> Route | None:
        """The route by which something else is asked than what was refused, `None` for none: not every lesson is one for every request."""
        repair, profile = self._upstreams[route.upstream].egress.repair, route.profile
        refused = None
        for _ in range(MAX_REPAIRS):
            learnt = repair(refusal, profile)
            if learnt is None:
                break
            profile, repaired = learnt, replace(route, profile=learnt)
            refused = asked(route) if refused is None else refused
            if asked(repaired) != refused:
                return repaired
        return None


def note_destination(notes: ExchangeNotes, destination: Destination) -> None:
    """Notes where a request goes."""
    notes.upstream, notes.upstream_model, notes.known_model = destination.upstream, destination.upstream_model, destination.card is not None


def _about(route: Route, notes: ExchangeNotes) -> dict[str, object]:
    return {"request_id": notes.request_id, "model": route.model, "upstream": route.upstream, "upstream_model": route.upstream_model}


def models_call(egress: Egress, timeout_s: float) -> UpstreamCall:
    """The call for the upstream's list of models, whose answer is to begin within that time."""
    return replace(egress.build_models(), first_byte_s=timeout_s)


def all_models(egress: Egress, ask: Callable[[UpstreamCall], bytes], timeout_s: float) -> list[ModelCard]:
    """The cards of all pages of the upstream's list.

    Args:
        ask: the whole answer to a call, or raises `UpstreamError`.
        timeout_s: how long each page may let wait for its beginning.
    """
    cards: list[ModelCard] = []
    call: UpstreamCall | None = models_call(egress, timeout_s)
    for _ in range(_MOST_PAGES):
        if call is None:
            break
        body = ask(replace(call, first_byte_s=timeout_s))
        cards += egress.read_models(body)
        call = egress.next_models(body)
    return cards


def read_and_close(reply: UpstreamReply, patience_s: float, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The whole body of `reply`, which must begin to say something within that time, and then come on. Raises `UpstreamError`."""
    try:
        return reply.read(max_bytes, headway=Headway(patience_s))
    finally:
        reply.close()


def named(refusal: UpstreamRefused, model: str) -> ProxyError:
    """`refusal`, or the house's own word for it when the upstream has no such model: clients know the name they asked for."""
    if model and refusal.status == 404 and refusal.code == "model_not_found":
        return ModelNotFound(model)
    return refusal
