"""Token counts as servers report them -> `Usage`. Pure."""

from __future__ import annotations

import math
from typing import Any

from proxy.canonical.completion import Usage

_NOTHING = Usage()


def read_usage(raw: object) -> Usage | None:
    """The counts of a `usage` object, `None` when it counts nothing. What is missing or no number stays unknown: nothing is estimated."""
    if not isinstance(raw, dict):
        return None
    prompt_details = _details(raw, "prompt_tokens_details")
    cached = _count(prompt_details.get("cached_tokens"))
    written = _count(prompt_details.get("cache_write_tokens"))
    usage = Usage(
        prompt_tokens=_count(raw.get("prompt_tokens")),
        completion_tokens=_count(raw.get("completion_tokens")),
        cached_tokens=_count(raw.get("prompt_cache_hit_tokens")) if cached is None else cached,  # DeepSeek's own name
        cache_write_tokens=_count(prompt_details.get("cache_creation_tokens")) if written is None else written,
        reasoning_tokens=_count(_details(raw, "completion_tokens_details").get("reasoning_tokens")),
    )
    return None if usage == _NOTHING else usage


def _details(raw: dict[str, Any], name: str) -> dict[str, Any]:
    details = raw.get(name)
    return details if isinstance(details, dict) else {}


def _count(value: object) -> int | None:
    """A count that may have come as a float or as text."""
    if type(value) is int:
        return value if value >= 0 else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int | float) and math.isfinite(value) and value >= 0:
        return int(value)
    return None
