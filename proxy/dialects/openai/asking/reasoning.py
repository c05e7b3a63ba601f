"""How hard the model shall think, in all the ways in which clients of OpenAI-style servers say it. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from proxy.canonical.request import Effort
from proxy.dialects.openai.asking.row import Row, wrong_type, wrong_value

_EFFORTS: Final[dict[str, Effort]] = {
    "none": "off",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_SWITCHES: Final[dict[str, Effort]] = {"enabled": "on", "adaptive": "on", "disabled": "off"}


_WISHES: Final = frozenset(
    {"reasoning_effort", "reasoning", "thinking", "think", "chat_template_kwargs", "include_reasoning", "reasoning_format"}
)


class Reasoning(NamedTuple):
    """What `ChatRequest` says of reasoning."""

    effort: Effort | None
    budget: int | None
    hides: bool


_NO_WISH = Reasoning(None, None, hides=False)


def read_reasoning(row: Row, options: Row) -> Reasoning:
    """The client's wish. OpenAI's own field wins over OpenRouter's `reasoning`, over `thinking` (DeepSeek) and `think` (Ollama).

    Raises:
        InvalidRequest: one of them says what none of these servers knows.
    """
    if not row.has_any(_WISHES) and not options.has_any(_WISHES):
        return _NO_WISH  # as with most requests
    reasoning, thinking = row.row("reasoning"), row.row("thinking")
    efforts = (
        effort_word(row, "reasoning_effort"),
        effort_word(reasoning, "effort"),
        _switched(reasoning.flag("enabled")),
        _SWITCHES.get(thinking.word("type", _SWITCHES)),
        _think(row),
        _think(options),
        _switched(row.row("chat_template_kwargs").flag("enable_thinking")),
    )
    budgets = (reasoning.integer("max_tokens", 1), thinking.integer("budget_tokens", 1))
    effort = next((effort for effort in efforts if effort is not None), None)
    budget = next((budget for budget in budgets if budget is not None), None)
    return Reasoning(effort, None if effort == "off" else budget, _hides(row, reasoning))


def effort_word(row: Row, name: str) -> Effort | None:
    """The effort under `name`, in OpenAI's words. Raises `InvalidRequest`."""
    return _EFFORTS.get(row.word(name, _EFFORTS))


def _switched(on: bool | None) -> Effort | None:
    return None if on is None else "on" if on else "off"


def _think(row: Row) -> Effort | None:
    given = row.get("think")
    if given is None or type(given) is bool:
        return _switched(given)
    if type(given) is not str:
        raise wrong_type(row.place("think"), "a boolean or a string", given)
    if given not in _EFFORTS:
        raise wrong_value(row.place("think"), given, _EFFORTS)
    return _EFFORTS[given]


def _hides(row: Row, reasoning: Row) -> bool:
    """Whether the text of the thoughts is not wanted, in the words of OpenRouter, vLLM and Groq."""
    shown = row.flag("include_reasoning")
    return bool(reasoning.flag("exclude")) or shown is False or row.get("reasoning_format") == "hidden"
