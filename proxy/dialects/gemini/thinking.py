"""How hard to think, in the words of each generation: a level, a budget, or nothing. Pure.

Source: https://ai.google.dev/gemini-api/docs/thinking. Level and budget together are refused. Without a wish of the client nothing is sent.
"""

from __future__ import annotations

from typing import Final

from proxy.canonical.efforts import effort_of_budget, nearest_effort
from proxy.canonical.request import ChatRequest, Effort
from proxy.dialects.gemini.media import Json
from proxy.profiles import Profile

# Tokens that all thinking models of the generation take; 0 is not to think.
_BUDGETS: Final = {"none": 0, "minimal": 512, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192}
_AS_IT_LIKES: Final = -1


def thinking_json(request: ChatRequest, profile: Profile) -> Json | None:
    """The `thinkingConfig`; thoughts are told where the client may see them. `None` to say nothing of it."""
    wish = request.reasoning or (None if request.reasoning_budget is None else "on" if request.reasoning_budget else "off")
    if wish is None or profile.reasoning not in ("level", "budget"):
        return None
    said = _level(wish, request.reasoning_budget, profile) if profile.reasoning == "level" else _budget(wish, request, profile)
    if wish != "off" and not request.hides_reasoning and not profile.leaves_out("includeThoughts"):
        said["includeThoughts"] = True
    return said or None


def _level(wish: Effort, budget: int | None, profile: Profile) -> Json:
    if wish == "on" and budget is not None:
        wish = effort_of_budget(budget)
    word = nearest_effort(wish, profile.efforts)
    return {"thinkingLevel": word.upper()} if word else {}


def _budget(wish: Effort, request: ChatRequest, profile: Profile) -> Json:
    """A budget that the client counted itself goes as it is, or as near to it as the server takes, unless it was refused."""
    if wish != "off" and request.reasoning_budget is not None and not profile.leaves_out("thinkingBudget"):
        return {"thinkingBudget": _within(request.reasoning_budget, profile)}
    if wish == "on":
        return {"thinkingBudget": _AS_IT_LIKES}
    word = nearest_effort(wish, profile.efforts)
    if word not in _BUDGETS:
        return {}
    return {"thinkingBudget": _within(_BUDGETS[word], profile) if _BUDGETS[word] else 0}


def _within(budget: int, profile: Profile) -> int:
    least, most = profile.thought_tokens or (budget, budget)
    return max(least, min(budget, most))
