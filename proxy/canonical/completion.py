"""The canonical answer as a whole. A unary answer is the fold of the stream: `collect` in `fold.py` makes one from events."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer; `parts` are in the order in which the model made them, `logprobs` are those of all text parts."""

    id: str
    model: str
    created: int
    parts: tuple[TextPart | ReasoningPart | RefusalPart | ToolCallPart, ...]
    finish_reason: FinishReason
    raw_reason: str = ""
    stop_sequence: str = ""
    usage: Usage = field(default_factory=Usage)
    logprobs: Sequence[dict[str, Any]] = ()
