"""Token counts as Anthropic reports them -> `Usage`. Pure.

`input_tokens` leaves out what was read from the cache and what was written to it; ours are all that the model was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.canonical.completion import Usage
from proxy.wire.counts import whole_count


def read_counts(raw: Mapping[str, Any]) -> Usage:
    """The counts of a `usage` object. What is missing or no number stays unknown."""
    fresh, completion = whole_count(raw.get("input_tokens")), whole_count(raw.get("output_tokens"))
    cached, written = whole_count(raw.get("cache_read_input_tokens")), whole_count(raw.get("cache_creation_input_tokens"))
    details = raw.get("output_tokens_details")
    return Usage(
        prompt_tokens=None if fresh is None else fresh + (cached or 0) + (written or 0),
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=whole_count(details.get("thinking_tokens")) if isinstance(details, dict) else None,
    )
