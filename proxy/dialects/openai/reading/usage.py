"""Token counts as servers report them -> `Usage`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from proxy.canonical.completion import Usage
from proxy.wire.counts import whole_count

_NOTHING = Usage()
_PROMPT_DETAILS, _COMPLETION_DETAILS = "prompt_tokens_details", "completion_tokens_details"
# Counts that are no parts of another.
_WHOLES: Final = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "input_tokens", "output_tokens", "text_tokens"}
)


def read_usage(raw: object) -> Usage | None:
    """The counts of a `usage` object, `None` when it counts nothing. What is missing or no number stays unknown: nothing is estimated."""
    if not isinstance(raw, dict):
        return None
    prompt_details = _details(raw, _PROMPT_DETAILS)
    cached = whole_count(prompt_details.get("cached_tokens"))
    written = whole_count(prompt_details.get("cache_write_tokens"))
    prompt = whole_count(raw.get("prompt_tokens"))
    reasoning = whole_count(_details(raw, _COMPLETION_DETAILS).get("reasoning_tokens"))
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=_all_made(raw, prompt, whole_count(raw.get("completion_tokens")), reasoning),
        cached_tokens=whole_count(raw.get("prompt_cache_hit_tokens")) if cached is None else cached,  # DeepSeek's own name
        cache_write_tokens=whole_count(prompt_details.get("cache_creation_tokens")) if written is None else written,
        reasoning_tokens=reasoning,
    )
    return None if usage == _NOTHING else usage


def _all_made(raw: dict[str, Any], prompt: int | None, completion: int | None, reasoning: int | None) -> int | None:
    """The tokens of the answer and of the thoughts before it.

    xAI counts thoughts beside those of the answer, and Google's OpenAI-style door in the total alone. A total that is odd for another
    reason must not make an answer longer: some servers leave it 0, or count twice in it what was cached.
    Source: https://docs.x.ai/docs/key-information/consumption-and-rate-limits
    """
    total = whole_count(raw.get("total_tokens"))
    if not total:
        return completion + reasoning if completion is not None and reasoning is not None and reasoning > completion else completion
    if prompt is None:
        return completion
    untold = total - prompt - (completion or 0)
    if untold <= 0:
        return completion
    if completion is not None and reasoning is not None:
        return completion + reasoning if untold == reasoning or untold > reasoning > completion else completion
    return completion if _is_told_elsewhere(untold, prompt, completion, raw) else total - prompt


def _is_told_elsewhere(untold: int, prompt: int, completion: int | None, raw: dict[str, Any]) -> bool:
    """Whether a total counts something twice: prompt or completion, a part of them, or two: what was read of a cache, and written."""
    parts = {number for number in _counts(raw) if number}
    twice = {prompt, completion, *parts, *(part + prompt for part in parts)}
    return untold in twice or any(untold - part in parts for part in parts)


def _counts(raw: dict[str, Any]) -> Iterator[int | None]:
    for members in (raw, _details(raw, _PROMPT_DETAILS), _details(raw, _COMPLETION_DETAILS)):
        yield from (whole_count(value) for name, value in members.items() if name not in _WHOLES)


def _details(raw: dict[str, Any], name: str) -> dict[str, Any]:
    details = raw.get(name)
    return details if isinstance(details, dict) else {}
