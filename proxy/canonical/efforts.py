"""How hard a model is to think: the nearest of the words that a server has for it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proxy.canonical.request import Effort

# From not at all to as much as can be.
EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# What so many tokens come to, where a server counts none. Source: LiteLLM, `litellm_core_utils/reasoning_effort_utils.py`.
_OF_BUDGET: Final[tuple[tuple[int, Effort], ...]] = ((4096, "high"), (2048, "medium"), (1024, "low"), (1, "minimal"))


def effort_of_budget(tokens: int) -> Effort:
    """The effort that thinking with at most so many tokens comes to."""
    return next((effort for least, effort in _OF_BUDGET if tokens >= least), "off")


def nearest_effort(effort: Effort, words: Sequence[str]) -> str | None:
    """The word that comes closest to `effort`, on the side of `medium`; `None` when it is best to say nothing.

    Who wants no thinking gets as little as there is, but none of the middle.
    """
    if effort == "on":
        return None
    wanted, middle = EFFORTS.index("none" if effort == "off" else effort), EFFORTS.index("medium")
    last = EFFORTS.index("low") if effort == "off" else middle
    step = 1 if wanted <= last else -1
    return next((EFFORTS[place] for place in range(wanted, last + step, step) if EFFORTS[place] in words), None)
