"""Token counts as Gemini reports them -> `Usage`. Pure. What is missing stays unknown."""

from __future__ import annotations

from proxy.canonical.completion import Usage

_NOTHING = Usage()


def read_usage(raw: object) -> Usage | None:
    """The counts of a `usageMetadata`, `None` when it counts nothing. Thoughts stand beside the answer's tokens here, not among them.

    Where nothing was answered, Gemini leaves out the count of it; what was not the prompt's is what the answer cost, which may be 0.
    """
    if not isinstance(raw, dict):
        return None
    thoughts = _count(raw.get("thoughtsTokenCount"))
    prompt = _sum(_count(raw.get("promptTokenCount")), _count(raw.get("toolUsePromptTokenCount")))
    completion = _sum(_count(raw.get("candidatesTokenCount")), thoughts)
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=_rest(_count(raw.get("totalTokenCount")), prompt) if completion is None else completion,
        cached_tokens=_count(raw.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
    )
    return None if usage == _NOTHING else usage


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


def _rest(total: int | None, prompt: int | None) -> int | None:
    return None if total is None or prompt is None or total < prompt else total - prompt


def _count(value: object) -> int | None:
    """A count; 64-bit integers may come as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:18])
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**63 else None
