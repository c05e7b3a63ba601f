"""Names of models as clients write them: in any case, and with or without `:latest`. Pure.

Ollama's clients see every model with a tag, so `x:latest` also means `x`, and the other way round; case means nothing to Ollama.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from types import MappingProxyType
from typing import Generic, TypeVar

LATEST = ":latest"

T = TypeVar("T")


def without_latest(name: str) -> str:
    """`name` without the tag that Ollama's clients take for granted."""
    return name[: -len(LATEST)] if ":" in name and name[-len(LATEST) :].lower() == LATEST else name


def spellings(name: str) -> tuple[str, str]:
    """`name` as it stands, then with or without `:latest`."""
    bare = without_latest(name)
    return (name, f"{name}{LATEST}") if bare == name else (name, bare)


def is_same(name: str, other: str) -> bool:
    """Whether the two are spellings of one name."""
    return without_latest(name).lower() == without_latest(other).lower()


class NameMap(Generic[T]):
    """What was written down for names, or for globs over names; each is found in every spelling.

    Args:
        entries: by name or glob, in their order.

    Attributes:
        names: the entries that are no globs.
        has_globs: whether there are others.
    """

    def __init__(self, entries: Mapping[str, T]) -> None:
        self.names: Mapping[str, T] = MappingProxyType({name: value for name, value in entries.items() if not _is_glob(name)})
        self._folded: dict[str, str] = {}
        for name in self.names:
            self._folded.setdefault(name.lower(), name)
        self._globs = tuple((glob, re.compile(translate(glob.lower())), value) for glob, value in entries.items() if _is_glob(glob))
        self.has_globs = bool(self._globs)

    def named(self, name: str) -> tuple[str, T] | None:
        """The entry for `name`, with the name that it was written for: the same in every letter before the same in other case."""
        if not self._folded:
            return None
        here, there = spellings(name)
        written = here if here in self.names else there if there in self.names else None
        written = written or self._folded.get(here.lower()) or self._folded.get(there.lower())
        return None if written is None else (written, self.names[written])

    def matching(self, *names: str, beginning: str = "") -> tuple[str, T] | None:
        """The first glob that one of `names` matches, with its entry; only of those that begin so."""
        if not self.has_globs:
            return None
        forms = [spelling.lower() for name in names for spelling in spellings(name)]
        for glob, pattern, value in self._globs:
            if glob.lower().startswith(beginning) and any(map(pattern.match, forms)):
                return glob, value
        return None


def _is_glob(name: str) -> bool:
    return any(letter in name for letter in "*?[")
