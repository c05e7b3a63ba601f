"""Details of thoughts as OpenRouter has them: pieces of a stream -> the list that must come back with the next request. Pure.

Some are what the model thought, in words; others are signatures of those, or stand for thoughts that were encrypted, and are needed by the
model that made them.
Source: https://openrouter.ai/docs/use-cases/reasoning-tokens, "Preserving reasoning".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

ORIGIN = "openrouter"

_GROWING = ("text", "summary")
_STATE = ("signature", "data")


class _Pieces(list[str]):
    """A text that still grows: put together once, for each time costs as much as all that was said."""

    __slots__ = ()


class Details:
    """The details of one part, put together."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, entries: Iterable[object]) -> None:
        """Goes on with the details: words grow, everything else is said once."""
        for entry in entries:
            if not isinstance(entry, dict):
                continue
            known = self._entries.setdefault((str(entry.get("type")), str(entry.get("index"))), {})
            for name, value in entry.items():
                if name in _GROWING and isinstance(value, str):
                    if not isinstance(pieces := known.get(name), _Pieces):
                        known[name] = pieces = _Pieces()
                    pieces.append(value)
                elif value is not None or name not in known:
                    known[name] = value

    def listed(self) -> list[dict[str, Any]]:
        """The details, in their order."""
        return [
            {name: "".join(value) if isinstance(value, _Pieces) else value for name, value in each.items()}
            for each in self._entries.values()
        ]

    def word(self) -> str:
        """The details as a text, `""` when they are nothing but words."""
        if not is_state(self._entries.values()):
            return ""
        try:
            return orjson.dumps(self.listed()).decode()
        except orjson.JSONEncodeError:
            return ""


def is_state(entries: Iterable[object]) -> bool:
    """Whether there is something among the details that is more than words."""
    return any(isinstance(entry, dict) and any(entry.get(name) for name in _STATE) for entry in entries)


def together(words: Iterable[str]) -> list[dict[str, Any]]:
    """The details that the words of several parts hold, as one list."""
    details = Details()
    for word in words:
        try:
            entries = orjson.loads(word)
        except orjson.JSONDecodeError:
            continue
        if isinstance(entries, list):
            details.add(entries)
    return details.listed()
