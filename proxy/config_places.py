"""Where values are written, and what is said of those that are wrong: the name as it is written there, and the end of a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from proxy.settings import IN_DOTENV, Origin

Spot = tuple[str, ...]
"""Names of tables, and then of a key: `("upstreams", "boxes", "timeouts", "connect")`."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# Fewer letters say too little, and more names would be no answer.
_BEGINNING, _FEW = 3, 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written, and under which name."""

    origin: Origin
    name: str

    def blamed(self, problem: str, inner: str = "") -> tuple[str, str]:
        """The name to blame, with `inner` for a part of the value, and what to say of it."""
        return self.name + inner, f"{problem} {IN_DOTENV}" if self.origin == "file" else problem


def spelled(spot: Spot) -> str:
    """The spot as one writes it in the file: `upstreams.boxes.aliases."llama3:8b"`."""
    return ".".join(name if _BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in spot)


def unknown(name: str, allowed: Iterable[str], above: str = "") -> str:
    """What to say of a key or variable that is none of those `allowed` in its place, all of which have `above` before them."""
    known = sorted(allowed)
    guesses = _meant(name, known)
    if guesses:
        return f"is unknown; did you mean {' or '.join(above + guess for guess in guesses)}?"
    return f"is unknown (known here: {', '.join(above + each for each in known)})"


def _meant(name: str, known: Sequence[str]) -> Sequence[str]:
    """Those that begin so; else the one that is most like it; else the one that has a word most like it."""
    begun = [each for each in known if each.startswith(name)] if len(name) >= _BEGINNING else []
    if 0 < len(begun) <= _FEW:
        return begun
    by_word = {word: each for each in reversed(known) for word in each.split("_")}
    return get_close_matches(name, known, n=1) or [by_word[word] for word in get_close_matches(name, by_word, n=1, cutoff=0.75)]


def dotted_name(names: Iterable[str]) -> str:
    """What to say of a name in pieces: TOML takes `llama3.1 = ...` for a table `llama3`."""
    return f'must be text; a name with a dot in it needs quotes: "{".".join(names)}"'


def told(messages: Any, inner: str = "") -> Iterator[tuple[str, str]]:
    """marshmallow's messages, with the part of the value that each is about: `[1]` in lists, `.name` in tables."""
    if not isinstance(messages, Mapping):
        yield inner, str(messages[0])
        return
    for name, below in messages.items():
        step = "" if name == "_schema" else f"[{name}]" if isinstance(name, int) else f".{spelled((name,))}"
        yield from told(below, inner + step)
