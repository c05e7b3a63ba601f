"""Where names lead: the values that routing hands out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from proxy.canonical.catalog import ModelCard
from proxy.profiles import Profile


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. `model` is the name asked for, `upstream_model` the name sent."""

    upstream: str
    model: str
    upstream_model: str
    profile: Profile


class Rule(StrEnum):
    """What leads a name to its destination."""

    MAPPING = "mapping"
    MAPPING_GLOB = "mapping glob"
    LISTED = "listed"
    ALIAS = "alias"
    ALIAS_GLOB = "alias glob"
    PREFIX = "prefix"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Destination:
    """One model of one upstream.

    Attributes:
        upstream_model: the name that the upstream is asked by.
        card: what the upstream lists of it; `None` when it lists no such model, or nothing at all.
        rule: what led here; `LISTED` and `ALIAS` also where the name began with the upstream's.
        why: the same in words, for operators.
        stands_in: whether it is another model than the one that the name leads to: the same one on another upstream is none.
    """

    upstream: str
    upstream_model: str
    card: ModelCard | None
    rule: Rule
    why: str
    stands_in: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """The same for all names by which the upstream may be asked for the model."""
        return self.upstream, self.upstream_model if self.card is None else self.card.id


@dataclass(frozen=True, slots=True)
class ListedName:
    """A name that clients can use, and the model that they get by it."""

    name: str
    destination: Destination
