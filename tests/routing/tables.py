"""Upstreams with lists that tests write down, and what a route table makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.canonical.catalog import ModelCard
from proxy.errors import ModelNotFound
from proxy.routing import ModelMap, RoutedUpstream, RouteTable

NOWHERE = "nowhere"


class Lists:
    """A list of models that a test changes; no names at all stand for a list that nobody knows."""

    def __init__(self, names: Sequence[str] | None) -> None:
        self.known: tuple[ModelCard, ...] | None
        self.fetch(names)

    def __repr__(self) -> str:
        return f"Lists({None if self.known is None else [card.id for card in self.known]})"

    def fetch(self, names: Sequence[str] | None) -> None:
        """Brings a new list."""
        self.known = None if names is None else tuple(ModelCard(name) for name in names)


def an_upstream(name: str, models: Sequence[str] | None, **changes: Any) -> RoutedUpstream:
    return RoutedUpstream(name, Lists(models), **changes)


def a_table(
    *upstreams: RoutedUpstream,
    default: str = "",
    mapping: Mapping[str, str] | None = None,
    fallbacks: Mapping[str, Sequence[str]] | None = None,
) -> RouteTable:
    return RouteTable(upstreams, default, ModelMap(mapping), fallbacks)


def led(table: RouteTable, name: str) -> str:
    """Where `name` leads, as `upstream model`."""
    try:
        destination = table.chain(name)[0]
    except ModelNotFound:
        return NOWHERE
    return f"{destination.upstream} {destination.upstream_model}"


def chained(table: RouteTable, name: str) -> list[str]:
    """All destinations of `name`."""
    return [f"{each.upstream} {each.upstream_model}" for each in table.chain(name)]


def listed(table: RouteTable) -> dict[str, str]:
    """All names that clients see, with where they lead."""
    return {each.name: f"{each.destination.upstream} {each.destination.upstream_model}" for each in table.merged()}
