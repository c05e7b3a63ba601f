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
# Also the words of protobuf. Source: https://ai.google.dev/gemini-api/docs/openai#thinking
_GOOGLES_LEVELS: Final[dict[str, Effort]] = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high"}
_NO_LEVEL: Final = "thinking_level_unspecified"
_AS_IT_LIKES: Final = -1

_WISHES: Final = frozenset(
    {"reasoning_effort", "reasoning", "thinking", "think", "chat_template_kwargs", "include_reasoning", "reasoning_format"}
)
_GOOGLES: Final = frozenset({"google", "thinking_config", "thinkingConfig"})


class Reasoning(NamedTuple):
    """What `ChatRequest` says of reasoning."""

    effort: Effort | None
    budget: int | None
    hides: bool


_NO_WISH: Final = Reasoning(None, None, hides=False)


def read_reasoning(row: Row, options: Row) -> Reasoning:
    """The client's wish. OpenAI's own field wins over OpenRouter's `reasoning`, over `thinking` (DeepSeek), `think` (Ollama) and what
    Google has.

    Raises:
        InvalidRequest: one of them says what none of these servers knows.
    """
    google = _google(row, options)
    if not row.has_any(_WISHES) and not options.has_any(_WISHES):
        return google
    reasoning, thinking = row.row("reasoning"), row.row("thinking")
    efforts = (
        effort_word(row, "reasoning_effort"),
        effort_word(reasoning, "effort"),
        _switched(reasoning.flag("enabled")),
        _SWITCHES.get(thinking.word("type", _SWITCHES)),
        _think(row),
        _think(options),
        _switched(row.row("chat_template_kwargs").flag("enable_thinking")),
        google.effort,
    )
    budgets = (reasoning.integer("max_tokens", 1), thinking.integer("budget_tokens", 1), google.budget)
    effort = next((effort for effort in efforts if effort is not None), None)
    budget = next((budget for budget in budgets if budget is not None), None)
    return Reasoning(effort, None if effort == "off" else budget, google.hides or _hides(row, reasoning))


def _google(row: Row, options: Row) -> Reasoning:
    """The wish in the words of Google's own OpenAI-style door: in `google`, or where that may stand. Raises as `read_reasoning`."""
    if not row.has_any(_GOOGLES) and not options.has_any(_GOOGLES):
        return _NO_WISH  # as with most requests
    for place in (row, options):
        for source in (place, place.row("google")) if type(place.get("google")) is dict else (place,):
            name = "thinking_config" if source.get("thinking_config") is not None else "thinkingConfig"
            if source.get(name) is not None:
                return _thinking_config(source.row(name))
    return _NO_WISH


def _thinking_config(config: Row) -> Reasoning:
    budget = config.integer(_spelled(config, "thinking_budget", "thinkingBudget"), _AS_IT_LIKES)
    shown = config.flag(_spelled(config, "include_thoughts", "includeThoughts"))
    effort = _level(config, _spelled(config, "thinking_level", "thinkingLevel"))
    if effort is None and budget == 0:
        effort = "off"
    if effort is None and (budget == _AS_IT_LIKES or (shown and budget is None)):
        effort = "on"
    return Reasoning(effort, budget if budget is not None and budget > 0 else None, hides=shown is False)


def _level(config: Row, name: str) -> Effort | None:
    """The level; Google takes it in any case."""
    given = config.text(name)
    if given.lower() in ("", _NO_LEVEL):
        return None
    if given.lower() not in _GOOGLES_LEVELS:
        raise wrong_value(config.place(name), given, _GOOGLES_LEVELS)
    return _GOOGLES_LEVELS[given.lower()]


def _spelled(config: Row, snake: str, camel: str) -> str:
    return camel if config.get(snake) is None else snake


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
