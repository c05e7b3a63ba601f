"""Token counts of one answer. They come in several records of a stream, and are cumulative. Pure."""

from __future__ import annotations

from typing import Any

from proxy.canonical.completion import Usage
from proxy.dialects.anthropic.counts import read_counts


class UsageCounts:
    """The counts so far.

    Attributes:
        usage: what they say.
    """

    __slots__ = ("_counts", "usage")

    def __init__(self) -> None:
        self._counts: dict[str, Any] = {}
        self.usage = Usage()

    def take(self, raw: object) -> Usage | None:
        """All counts after `raw`, a `usage` object, was added; `None` when it counts nothing new."""
        if not isinstance(raw, dict):
            return None
        # What was counted does not become nothing: some servers repeat all names at the end, without their counts.
        self._counts |= {name: count for name, count in raw.items() if count or name not in self._counts}
        usage = read_counts(self._counts)
        if usage == self.usage:
            return None
        self.usage = usage
        return usage
