"""Token counts as Gemini reports them -> `Usage`. Pure. What is missing stays unknown."""

from __future__ import annotations

from proxy.canonical.completion import Usage

_NOTHING = Usage()


def read_usage(raw: object) -> Usage | None:
    """The counts of a `usageMetadata`, `None` when it counts nothing. Thoughts stand beside the answer's tokens here, not among them."""
    if not isinstance(raw, dict):
        return None
    thoughts = _count(raw.get("thoughtsTokenCount"))
    usage = Usage(
        prompt_tokens=_sum(_count(raw.get("promptTokenCount")), _count(raw.get("toolUsePromptTokenCount"))),
        completion_tokens=_sum(_count(raw.get("candidatesTokenCount")), thoughts),
        cached_tokens=_count(raw.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
    )
    return None if usage == _NOTHING else usage


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


def _count(value: object) -> int | None:
    """A count; 64-bit integers may come as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:18])
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**63 else None
