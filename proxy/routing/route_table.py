"""`RouteTable`: where names lead, kept until a list changes. Pure: it reads what is known of the lists, and asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import attrgetter, is_

from proxy.canonical.catalog import ModelCard
from proxy.errors import ModelNotFound
from proxy.routing.destination import Destination, ListedName, Rule
from proxy.routing.fallbacks import Chains
from proxy.routing.merged import merge
from proxy.routing.model_map import ModelMap
from proxy.routing.names import NameMap, without_latest
from proxy.routing.resolver import Resolver
from proxy.routing.upstream_names import KnownModels, RoutedUpstream, UpstreamNames, names_of

# Names are the clients' choice: so many chains are kept, and none of names that are longer.
_MOST_CHAINS = 4096
_LONGEST_KEPT_NAME = 512

# By these rules a name is good though no list has it: the operator gave it.
_GIVEN = (Rule.MAPPING, Rule.ALIAS)

_known: Callable[[KnownModels], Sequence[ModelCard] | None] = attrgetter("known")

_Lists = Sequence[Sequence[ModelCard] | None]


class RouteTable:
    """The chains of all names, and the list of those that clients see.

    Args:
        upstreams: at least one, in the order of the file.
        default_upstream: is asked for what nobody lists; `""` when none is configured: then it is the first by priority that does not hide
            it.
        model_map: the operator's names. What one leads to may begin with an upstream, or be an upstream's alias.
        fallbacks: names, or globs over names -> the names to go on with.

    Raises:
        KeyError: no upstream is called `default_upstream`.
    """

    def __init__(
        self,
        upstreams: Sequence[RoutedUpstream],
        default_upstream: str = "",
        model_map: ModelMap | None = None,
        fallbacks: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._upstreams = sorted(upstreams, key=lambda upstream: -upstream.priority)
        self._views = tuple(upstream.models for upstream in self._upstreams)
        self._makers = [names_of(upstream) for upstream in self._upstreams]
        self._default = default_upstream
        self._mapping = (model_map or ModelMap()).entries
        self._fallbacks = NameMap({name: tuple(names) for name, names in (fallbacks or {}).items()})
        lists = tuple(map(_known, self._views))
        self._routes = self._made(lists, [make(known) for make, known in zip(self._makers, lists, strict=True)])

    @property
    def default_upstream(self) -> str:
        """The upstream for requests that name no model."""
        return self._default or self._upstreams[0].name

    def chain(self, name: str) -> tuple[Destination, ...]:
        """Where `name` leads, and after that its fallbacks; never empty, and no destination twice.

        Raises:
            ModelNotFound: it leads nowhere.
        """
        routes = self._current()
        chain = routes.kept.get(name)
        return routes.find_chain(name) if chain is None else chain

    def named_upstream(self, name: str) -> str:
        """The upstream that `name` begins with. See `Resolver.named_upstream`."""
        return self._current().resolver.named_upstream(name)

    def own(self, name: str, homes: Sequence[str]) -> Destination | None:
        """Where the model is that is itself called `name`. See `Resolver.own`."""
        return self._current().resolver.own(name, homes)

    def own_at(self, upstream: str, name: str) -> Destination | None:
        """The upstream's model that is itself called `name`. See `Resolver.own_at`."""
        return self._current().resolver.own_at(upstream, name)

    def own_name(self, place: Destination) -> str:
        """The name by which that model is called here and by which no other one is: its own where there is one upstream, else with the
        prefix.
        """
        resolver = self._current().resolver
        names = [f"{place.upstream}/{place.upstream_model}", place.upstream_model]
        if len(self._upstreams) == 1:
            names.reverse()
        for name in names:
            own = resolver.own(name, ())
            if own is not None and own.rule not in _GIVEN and own.key == place.key:
                return name
        return names[0]

    def merged(self) -> Sequence[ListedName]:
        """All names that clients can use, none twice: the operator's first, then by upstream."""
        return self._current().merged

    def find(self, name: str) -> ListedName | None:
        """The model that clients get by `name`, under the name as it was asked for.

        `None` when there is none, as far as is known: its upstream tells its models and not this one, and the operator does not either.
        """
        return self._current().find(name)

    def name_of(self, upstream: str, model: str) -> ListedName | None:
        """The name by which clients get what the upstream calls `model`: the one of the list, and of several the model's own.

        `None` where none leads there: it is hidden.
        """
        return self._current().name_of(upstream, model)

    def addressee(self, name: str) -> str:
        """The upstream that `name`, or the operator, says is to be asked for it, whatever others list; `""` where none is said."""
        return self._current().resolver.addressee(name)

    def _current(self) -> _Routes:
        routes = self._routes
        return routes if all(map(is_, map(_known, self._views), routes.lists)) else self._renewed(tuple(map(_known, self._views)))

    def _renewed(self, lists: _Lists) -> _Routes:
        """The routes by `lists`. A list that was fetched again most often says what it said before: that changes no routes."""
        routes = self._routes
        names = [
            before if known == seen else make(known)
            for before, known, seen, make in zip(routes.names, lists, routes.lists, self._makers, strict=True)
        ]
        if all(map(is_, names, routes.names)):
            routes.lists = lists
        else:
            routes = self._routes = self._made(lists, names)
        return routes

    def _made(self, lists: _Lists, names: Sequence[UpstreamNames]) -> _Routes:
        ranked = [(upstream.priority, each) for upstream, each in zip(self._upstreams, names, strict=True)]
        return _Routes(lists, names, Resolver(ranked, self._default, self._mapping), self._mapping.names, self._fallbacks)


class _Routes:
    """What names lead to, while the lists stay as they are.

    Attributes:
        lists: what `names` were made of, or equals of that.
        kept: chains that were asked for before.
        resolver: of the names alone, without fallbacks.
    """

    def __init__(
        self,
        lists: _Lists,
        names: Sequence[UpstreamNames],
        resolver: Resolver,
        mapped: Mapping[str, str],
        fallbacks: NameMap[tuple[str, ...]],
    ) -> None:
        self.lists = lists
        self.names = names
        self.kept: dict[str, tuple[Destination, ...]] = {}
        self.resolver = resolver
        self._mapped = mapped
        self._chains = Chains(resolver, fallbacks)
        self._unknown = frozenset(each.name for each in names if not each.is_known)

    @cached_property
    def merged(self) -> tuple[ListedName, ...]:
        return merge(self.resolver, self._mapped)

    @cached_property
    def _by_model(self) -> Mapping[tuple[str, str], ListedName]:
        own_last = sorted(self.merged, key=lambda each: each.destination.rule is Rule.LISTED)
        return {_place(each.destination): each for each in own_last}

    def name_of(self, upstream: str, model: str) -> ListedName | None:
        """See `RouteTable.name_of`."""
        place = upstream, without_latest(model).lower()
        listed = self._by_model.get(place)
        if listed is not None:
            return listed
        for name in (model, f"{upstream}/{model}"):
            try:
                destination = self.resolver.resolve(name)
            except ModelNotFound:
                continue
            if _place(destination) == place:
                return ListedName(name, destination)
        return None

    def find_chain(self, name: str) -> tuple[Destination, ...]:
        """The chain of `name`, kept from now on. Raises `ModelNotFound`."""
        chain = self._chains.chain(name)
        if len(name) <= _LONGEST_KEPT_NAME:
            if len(self.kept) >= _MOST_CHAINS:
                self.kept.clear()
            self.kept[name] = chain
        return chain

    def find(self, name: str) -> ListedName | None:
        """See `RouteTable.find`."""
        try:
            found = self.resolver.resolve(name)
        except ModelNotFound:
            return None
        is_there = found.card is not None or found.rule in _GIVEN or found.upstream in self._unknown
        return ListedName(name, found) if is_there else None


def _place(destination: Destination) -> tuple[str, str]:
    """The same for all names of one model, in any spelling."""
    upstream, model = destination.key
    return upstream, without_latest(model).lower()
