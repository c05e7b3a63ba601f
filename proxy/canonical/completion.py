"""The canonical answer as a whole. A unary answer is the fold of the stream: `collect` in `fold.py` makes one from events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from proxy.canonical.request import ReasoningPart, RefusalPart, TextPart, ToolCallPart

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]

CUT_OFF: Final[frozenset[FinishReason]] = frozenset({"length", "content_filter"})
"""Why a model stops in the midst of what it says: a call that is not whole then is no nonsense, and nothing to be run either."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as OpenAI counts: `prompt_tokens` includes cached ones, `completion_tokens` includes reasoning. `None` is unknown, never 0."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


def usage_of_all(usages: Sequence[Usage]) -> Usage:
    """What several answers cost together: unknown where it is of one of them; details are those that were told."""
    prompts, completions = [usage.prompt_tokens for usage in usages], [usage.completion_tokens for usage in usages]
    return Usage(
        prompt_tokens=None if None in prompts else known_sum(prompts),
        completion_tokens=None if None in completions else known_sum(completions),
        cached_tokens=known_sum(usage.cached_tokens for usage in usages),
        cache_write_tokens=known_sum(usage.cache_write_tokens for usage in usages),
        reasoning_tokens=known_sum(usage.reasoning_tokens for usage in usages),
    )


def known_sum(counts: Iterable[int | None]) -> int | None:
    """The sum of those that are known; `None` where none is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer; `parts` are in the order in which the model made them, `logprobs` are those of all text parts.

    Attributes:
        stand_in: the model that answers where it is another one than the name asked for leads to.
        others: the answers to the request's `others`, in their order; `usage` is then that of all.
    """

    id: str
    model: str
    created: int
    parts: tuple[TextPart | ReasoningPart | RefusalPart | ToolCallPart, ...]
    finish_reason: FinishReason
    raw_reason: str = ""
    stop_sequence: str = ""
    usage: Usage = field(default_factory=Usage)
    logprobs: Sequence[dict[str, Any]] = ()
    stand_in: str = ""
    others: tuple[Completion, ...] = ()
