"""All names that clients can use: the lists of all upstreams as one. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.errors import ModelNotFound
from proxy.routing.destination import Destination, ListedName, Rule
from proxy.routing.names import without_latest
from proxy.routing.resolver import Resolver
from proxy.routing.upstream_names import UpstreamNames

_MAPPED = (Rule.MAPPING, Rule.MAPPING_GLOB)


def merge(resolver: Resolver, mapped: Iterable[str]) -> tuple[ListedName, ...]:
    """The names, none twice: the mapping's, then each upstream's aliases and its list.

    A model is listed by its own name where that leads to it, else as `upstream/name`. With one upstream only, models whose names the
    operator gave away are not listed: there the prefix would tell nothing.

    Args:
        mapped: the exact names of the operator's mapping.
    """
    listing = _Listing(resolver)
    for name in mapped:
        listing.add_mapped(name.strip())
    for upstream in resolver.upstreams:
        for name in upstream.aliases:
            listing.add_of(upstream, name, Rule.ALIAS)
        for name in upstream.listed:
            listing.add_of(upstream, name, Rule.LISTED)
    return tuple(listing.names.values())


class _Listing:
    def __init__(self, resolver: Resolver) -> None:
        self.names: dict[str, ListedName] = {}
        self._resolver = resolver
        self._taken: set[str] = set()
        self._has_several = len(resolver.upstreams) > 1

    def add_mapped(self, name: str) -> None:
        """Lists the operator's name, unless it leads nowhere."""
        destination = self._destination(name)
        if destination is not None:
            self._add(name, destination)

    def add_of(self, upstream: UpstreamNames, name: str, rule: Rule) -> None:
        """Lists what `upstream` has under `name` by `rule`, and `name` itself where the operator leads it elsewhere."""
        own = upstream.find(name)
        if own is None or own.rule is not rule:
            return
        destination = self._destination(name)
        if destination is not None and destination.key == own.key:
            self._add(name, destination)
            return
        is_mapped = destination is None or destination.rule in _MAPPED
        if is_mapped and destination is not None and without_latest(name) not in self._taken:
            self._add(name, destination)
        if self._has_several or not is_mapped:
            self._add_prefixed(own, name)

    def _add_prefixed(self, own: Destination, name: str) -> None:
        full_name = f"{own.upstream}/{name}"
        destination = self._destination(full_name)
        if destination is not None and destination.key == own.key:
            self._add(full_name, destination)

    def _add(self, name: str, destination: Destination) -> None:
        self.names.setdefault(name, ListedName(name, destination))
        self._taken.add(without_latest(name))

    def _destination(self, name: str) -> Destination | None:
        try:
            return self._resolver.resolve(name)
        except ModelNotFound:
            return None
