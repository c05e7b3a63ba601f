"""Token counts as servers report them -> `Usage`. Pure."""

from __future__ import annotations

from typing import Any

from proxy.canonical.completion import Usage
from proxy.wire.counts import whole_count

_NOTHING = Usage()


def read_usage(raw: object) -> Usage | None:
    """The counts of a `usage` object, `None` when it counts nothing. What is missing or no number stays unknown: nothing is estimated."""
    if not isinstance(raw, dict):
        return None
    prompt_details = _details(raw, "prompt_tokens_details")
    cached = whole_count(prompt_details.get("cached_tokens"))
    written = whole_count(prompt_details.get("cache_write_tokens"))
    usage = Usage(
        prompt_tokens=whole_count(raw.get("prompt_tokens")),
        completion_tokens=whole_count(raw.get("completion_tokens")),
        cached_tokens=whole_count(raw.get("prompt_cache_hit_tokens")) if cached is None else cached,  # DeepSeek's own name
        cache_write_tokens=whole_count(prompt_details.get("cache_creation_tokens")) if written is None else written,
        reasoning_tokens=whole_count(_details(raw, "completion_tokens_details").get("reasoning_tokens")),
    )
    return None if usage == _NOTHING else usage


def _details(raw: dict[str, Any], name: str) -> dict[str, Any]:
    details = raw.get(name)
    return details if isinstance(details, dict) else {}
