"""How hard to think, in Anthropic's words: adaptively with an effort (Claude 4.6 and later), or with a budget of tokens. Pure.

Source: https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking and .../extended-thinking, "Feature compatibility".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proxy.canonical.efforts import effort_of_budget, nearest_effort
from proxy.canonical.request import ChatRequest, Effort
from proxy.dialects.anthropic.building.blocks import Json
from proxy.dialects.anthropic.building.turns import Turns
from proxy.profiles import Profile

LEAST_BUDGET: Final = 1024
# Source of the first four: LiteLLM's defaults.
_BUDGETS: Final[dict[Effort, int]] = {
    "minimal": LEAST_BUDGET,
    "low": LEAST_BUDGET,
    "medium": 2048,
    "high": 4096,
    "on": 4096,
    "xhigh": 8192,
    "max": 16384,
}


@dataclass(frozen=True, slots=True)
class Thinking:
    """What to say of it.

    Attributes:
        field: the value of `thinking`, `None` to leave it out.
        effort: the value of `output_config.effort`, `""` to leave it out.
        budget: how many tokens of the answer are for thoughts, 0 when nobody said.
    """

    field: Json | None = None
    effort: str = ""
    budget: int = 0

    @property
    def is_on(self) -> bool:
        """Whether the model is asked to think."""
        return self.field is not None and self.field["type"] != "disabled"


_SILENCE: Final = Thinking()


def thinking_of(request: ChatRequest, turns: Turns, profile: Profile) -> Thinking:
    """What to say of thinking; nothing where the client has no wish, or the server could not be told."""
    effort = request.reasoning or (None if request.reasoning_budget is None else "on")
    if effort is None or profile.reasoning not in ("adaptive", "budget"):
        return _SILENCE
    if effort == "off" or request.reasoning_budget == 0:
        return _without_thinking(profile)
    return _adaptive(request, effort, profile) if profile.reasoning == "adaptive" else _budgeted(request, effort, turns)


def _without_thinking(profile: Profile) -> Thinking:
    """What keeps the model from thinking, or lets it think as little as it can."""
    if "none" in profile.efforts:
        return Thinking({"type": "disabled"})
    return Thinking(effort=nearest_effort("off", profile.efforts) or "")


def _adaptive(request: ChatRequest, effort: Effort, profile: Profile) -> Thinking:
    field: Json = {"type": "adaptive"}
    if not profile.leaves_out("display"):
        # Left to themselves, newer models sign thoughts that they don't show.
        field["display"] = "omitted" if request.hides_reasoning else "summarized"
    if effort == "on" and request.reasoning_budget is not None:
        effort = effort_of_budget(request.reasoning_budget)
    words = [word for word in profile.efforts if word != "none"]
    return Thinking(field, "" if profile.leaves_out("effort") else nearest_effort(effort, words) or "")


def _budgeted(request: ChatRequest, effort: Effort, turns: Turns) -> Thinking:
    """Nothing where the conversation forbids it: one that ends in words of the model's, or in calls before which it did not think."""
    if turns.prefill or turns.ends_in_unthought_calls:
        return _SILENCE
    budget = max(LEAST_BUDGET, request.reasoning_budget or _BUDGETS[effort])
    return Thinking({"type": "enabled", "budget_tokens": budget}, budget=budget)
