"""The names that one upstream has: those that it lists and may show, and those that the operator gave to its models. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import partial
from typing import Protocol

from proxy.canonical.catalog import ModelCard
from proxy.routing.destination import Destination, Rule
from proxy.routing.names import NameMap, is_same, spellings, without_latest


class KnownModels(Protocol):
    """An upstream's list, as far as it is known."""

    @property
    def known(self) -> Sequence[ModelCard] | None:
        """The list as it was fetched last, the same object until it is fetched again; `None` while there is none. Asks nobody."""


@dataclass(frozen=True, slots=True)
class RoutedUpstream:
    """An upstream, as far as names go.

    Attributes:
        name: without `/` and `:`.
        models: its list.
        priority: of several upstreams that have a name, the one with the highest gets it.
        aliases: names, or globs over names that nobody lists -> the upstream's own names.
        show: globs over the upstream's own names; what none matches is hidden. None at all show everything.
        hide: globs over the upstream's own names; what one matches is hidden.
    """

    name: str
    models: KnownModels
    priority: int = 0
    aliases: Mapping[str, str] = field(default_factory=dict)
    show: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()


class ShownModels:
    """Which of its models an upstream shows. Hidden ones are not listed, and no name leads to them."""

    def __init__(self, show: Sequence[str] = (), hide: Sequence[str] = ()) -> None:
        self._show = _any_of(show)
        self._hide = _any_of(hide)

    def __contains__(self, model: str) -> bool:
        if self._show is None and self._hide is None:
            return True
        forms = [spelling.lower() for spelling in spellings(model)]
        if self._show is not None and not any(map(self._show.match, forms)):
            return False
        return self._hide is None or not any(map(self._hide.match, forms))


def _any_of(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(translate(glob.lower()) for glob in globs)) if globs else None


def names_of(upstream: RoutedUpstream) -> Callable[[Sequence[ModelCard] | None], UpstreamNames]:
    """What makes the names of `upstream` from its list. What the operator wrote is read once."""
    shown = ShownModels(upstream.show, upstream.hide)
    aliases = NameMap({alias: target for alias, target in upstream.aliases.items() if target in shown})
    return partial(UpstreamNames, upstream.name, aliases, shown)


class UpstreamNames:
    """What an upstream's names lead to, while its list stays as it is.

    Its aliases come before its list: an operator may give a listed name to another model. Globs over aliases are for what it does not
    list.

    Args:
        aliases: those that lead to something it shows.
        known: its list, `None` when nobody knows it.

    Attributes:
        aliases: the exact ones.
        listed: the names that it lists and shows, in its order.
        hidden: the names that it lists and hides, in lower case and without `:latest`.
        has_globs: whether some of its aliases are globs.
    """

    def __init__(self, name: str, aliases: NameMap[str], shown: ShownModels, known: Sequence[ModelCard] | None) -> None:
        self.name = name
        self.is_known = known is not None
        self.aliases = tuple(aliases.names)
        self.has_globs = aliases.has_globs
        self.hidden: set[str] = set()
        self._entries = aliases
        self._shown = shown
        self._listed: dict[str, Destination] = {}
        self._folded: dict[str, Destination] = {}
        why = f"listed by {name}"
        for card in known or ():
            self._add(Destination(name, card.id, card, Rule.LISTED, why))
        self.listed = tuple(self._listed)

    def _add(self, model: Destination) -> None:
        name = model.upstream_model.strip()
        if model.upstream_model not in self._shown:
            self.hidden.add(without_latest(name).lower())
        elif name:
            self._listed.setdefault(name, model)
            self._folded.setdefault(name.lower(), model)

    def find(self, name: str, *, verbatim: bool = False) -> Destination | None:
        """The model that has this name here.

        Args:
            verbatim: it is asked for as `name` spells it, not as it is listed.
        """
        entry = self._entries.named(name)
        if entry is not None:
            return self._led(entry, Rule.ALIAS)
        found = self._find_listed(name)
        return replace(found, upstream_model=name) if found and verbatim else found

    def _find_listed(self, name: str) -> Destination | None:
        """The model that is listed by this name or another spelling of it, unless it is hidden."""
        here, there = spellings(name)
        exact = self._listed.get(here) or self._listed.get(there)
        return exact or self._folded.get(here.lower()) or self._folded.get(there.lower())

    def own(self, name: str, why: str) -> Destination | None:
        """The model that is itself called so here, or would be if it were made; an alias leads to another one, and says so by its rule.
        `None` when it is hidden.
        """
        entry = self._entries.named(name)
        if entry is not None and not is_same(entry[1], name):
            return self._led(entry, Rule.ALIAS)
        return self._find_listed(name) or self.unlisted(name, Rule.PREFIX, why)

    def find_by_glob(self, name: str) -> Destination | None:
        """The model to which an alias that is a glob leads."""
        entry = self._entries.matching(name)
        return self._led(entry, Rule.ALIAS_GLOB) if entry is not None else None

    def unlisted(self, name: str, rule: Rule, why: str, *, verbatim: bool = False) -> Destination | None:
        """The model `name`, listed or not: the upstream shall judge. `None` when it is hidden."""
        model = name if verbatim else without_latest(name)
        return Destination(self.name, model, None, rule, why) if model in self._shown else None

    def may_have(self, name: str) -> bool:
        """Whether it has the name, or its list is not known and may hold it."""
        return self.find(name) is not None or (not self.is_known and name in self._shown)

    def _led(self, entry: tuple[str, str], rule: Rule) -> Destination:
        alias, target = entry
        listed = self._find_listed(target)
        return Destination(self.name, target, listed.card if listed else None, rule, f"alias {alias} of {self.name}")
