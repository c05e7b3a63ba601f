"""Token counts as Gemini reports them -> `Usage`. Pure. What is missing stays unknown. Counts of 64 bits may come as text."""

from __future__ import annotations

from proxy.canonical.completion import Usage
from proxy.wire.counts import whole_count

_NOTHING = Usage()


def read_usage(raw: object) -> Usage | None:
    """The counts of a `usageMetadata`, `None` when it counts nothing. Thoughts stand beside the answer's tokens here, not among them.

    Where nothing was answered, Gemini leaves out the count of it; what was not the prompt's is what the answer cost, which may be 0.
    """
    if not isinstance(raw, dict):
        return None
    thoughts = whole_count(raw.get("thoughtsTokenCount"))
    prompt = _sum(whole_count(raw.get("promptTokenCount")), whole_count(raw.get("toolUsePromptTokenCount")))
    completion = _sum(whole_count(raw.get("candidatesTokenCount")), thoughts)
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=_rest(whole_count(raw.get("totalTokenCount")), prompt) if completion is None else completion,
        cached_tokens=whole_count(raw.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
    )
    return None if usage == _NOTHING else usage


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


def _rest(total: int | None, prompt: int | None) -> int | None:
    return None if total is None or prompt is None or total < prompt else total - prompt
