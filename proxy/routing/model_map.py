"""The names that the operator gives to models, wherever they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from proxy.canonical.catalog import ModelCard
from proxy.routing.names import NameMap, spellings, without_latest


class ListedModels(Protocol):
    """The models that an upstream lists, as far as they are known."""

    def by_name(self, name: str) -> ModelCard | None:
        """The card of the model `name`: spelled exactly so if there is one, else in whatever case; at once, however many there are."""


class ModelMap:
    """The names that clients use -> the names that the upstream is asked by.

    Args:
        mapping: the operator's names, or globs over names -> upstream models. A name is looked up once: what it leads to is final.

    Attributes:
        entries: the mapping, to be read by any spelling.
    """

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        self.entries = NameMap({name: target for name, target in (mapping or {}).items() if target})

    def aliases(self) -> Mapping[str, str]:
        """The operator's exact names -> upstream models."""
        return self.entries.names

    def upstream_model(self, name: str, listed: ListedModels) -> str:
        """The upstream's name for `name`: as the operator says, else as the upstream lists it, else as it stands.

        A name that nobody lists goes to the upstream without `:latest`: few but Ollama have such a tag, and its own server takes both for
        one model.
        """
        name = name.strip()
        entry = self.entries.named(name) or self.entries.matching(name)
        if entry is not None:
            return entry[1]
        for spelling in spellings(name):
            card = listed.by_name(spelling)
            if card is not None:
                return card.id
        return without_latest(name)
