"""Where a request goes that its destination does not serve: `Chains`. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from proxy.errors import ModelNotFound
from proxy.routing.destination import Destination
from proxy.routing.names import NameMap, is_same
from proxy.routing.resolver import Resolver

# A name as it is written in the table, and what is written for it.
_Entry = tuple[str, tuple[str, ...]]
_NOTHING: _Entry = ("", ())


class Chains:
    """The destinations of a name in order.

    Args:
        fallbacks: the names to go on with, by the name that was asked for. They stand for every name of the same destination. A glob, `*`
            among them, stands for those that clients ask for and that have none of their own.
    """

    def __init__(self, resolver: Resolver, fallbacks: NameMap[tuple[str, ...]]) -> None:
        self._resolver = resolver
        self._fallbacks = fallbacks
        self._resolved_fallbacks: dict[str, Destination | None] = {}
        self._by_destination = self._own_of_destinations()

    def chain(self, name: str) -> tuple[Destination, ...]:
        """Where `name` leads, then its fallbacks, then theirs. None comes twice.

        Raises:
            ModelNotFound: nothing is left to lead to.
        """
        first = self._resolved(name)
        chain = {first.key: first} if first else {}
        pending = deque([self._of(name, first)])
        while pending:
            written, fallbacks = pending.popleft()
            for fallback in fallbacks:
                destination = self._fallback(fallback)
                if destination is not None and destination.key not in chain:
                    stands_in = first is None or not is_same(destination.upstream_model, first.upstream_model)
                    why = f"fallback of {written}, {destination.why}"
                    chain[destination.key] = replace(destination, why=why, stands_in=stands_in)
                    pending.append(self._own_of(fallback, destination) or _NOTHING)
        if not chain:
            raise ModelNotFound(name)
        return tuple(chain.values())

    def _of(self, name: str, destination: Destination | None) -> _Entry:
        own = self._own_of(name, destination)
        if own is not None or destination is None:
            return own or _NOTHING
        entry = self._fallbacks.matching(name.strip(), destination.upstream_model, f"{destination.upstream}/{destination.upstream_model}")
        return entry or _NOTHING

    def _own_of(self, name: str, destination: Destination | None) -> _Entry | None:
        """Those that were given for the name, or for another name of its destination; `None` when there are none, which may not be `()`."""
        entry = self._fallbacks.named(name.strip())
        if entry is not None:
            return entry
        return self._by_destination.get(destination.key) if destination else None

    def _own_of_destinations(self) -> Mapping[tuple[str, str], _Entry]:
        found: dict[tuple[str, str], _Entry] = {}
        for name, fallbacks in self._fallbacks.names.items():
            destination = self._resolved(name)
            if destination is not None:
                found.setdefault(destination.key, (name, fallbacks))
        return found

    def _fallback(self, name: str) -> Destination | None:
        """Where a name that the operator wrote leads; there are few of them."""
        if name not in self._resolved_fallbacks:
            self._resolved_fallbacks[name] = self._resolved(name)
        return self._resolved_fallbacks[name]

    def _resolved(self, name: str) -> Destination | None:
        try:
            return self._resolver.resolve(name)
        except ModelNotFound:
            return None
