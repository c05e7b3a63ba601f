"""How wishes about thinking are read, in OpenAI's words and in others'."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.openai.responses.asking import parse_response
from tests.dialects.openai.asked import HELLO, asked, refused


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        ({"reasoning_effort": "none"}, ("off", None, False)),
        ({"reasoning_effort": "xhigh", "think": False}, ("xhigh", None, False)),
        ({"reasoning": {"effort": "low", "max_tokens": 2000}}, ("low", 2000, False)),
        ({"reasoning": {"enabled": True, "exclude": True}}, ("on", None, True)),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, ("on", 4096, False)),
        ({"thinking": {"type": "disabled", "budget_tokens": 4096}}, ("off", None, False)),
        ({"think": True}, ("on", None, False)),
        ({"think": "high"}, ("high", None, False)),
        ({"options": {"think": False}}, ("off", None, False)),
        ({"extra_body": {"think": "max"}}, ("max", None, False)),
        ({"chat_template_kwargs": {"enable_thinking": False}}, ("off", None, False)),
        ({"include_reasoning": False}, (None, None, True)),
        ({"reasoning_format": "hidden"}, (None, None, True)),
    ],
)
def test_how_hard_to_think_is_said_in_many_ways(payload: Any, wanted: Any) -> None:
    request = asked(**payload)
    assert (request.reasoning, request.reasoning_budget, request.hides_reasoning) == wanted


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"thinking_budget": 800, "include_thoughts": True}, (None, 800, False)),
        ({"thinkingBudget": 800, "includeThoughts": False}, (None, 800, True)),
        ({"thinking_budget": 0}, ("off", None, False)),
        ({"thinking_budget": -1}, ("on", None, False)),
        ({"thinking_level": "low", "include_thoughts": True}, ("low", None, False)),
        ({"thinkingLevel": "HIGH"}, ("high", None, False)),
        ({"thinking_level": "THINKING_LEVEL_UNSPECIFIED"}, (None, None, False)),
        ({"include_thoughts": True}, ("on", None, False)),
        ({"include_thoughts": False}, (None, None, True)),
        ({}, (None, None, False)),
    ],
)
def test_googles_wishes_about_thoughts_are_read_where_google_has_them(config: dict[str, Any], wanted: Any) -> None:
    """Source: https://ai.google.dev/gemini-api/docs/openai#thinking."""
    said = {"thinking_config": config}
    for place in ({"google": said}, {"extra_body": {"google": said}}, said, {"extra_body": said}, {"google": {"thinkingConfig": config}}):
        request = asked(**place)
        assert (request.reasoning, request.reasoning_budget, request.hides_reasoning) == wanted
        answer = parse_response({"model": "m", "input": "hi", **place})
        assert (answer.reasoning, answer.reasoning_budget, answer.hides_reasoning) == wanted


def test_openais_own_effort_wins_over_googles() -> None:
    request = asked(reasoning_effort="high", google={"thinking_config": {"thinking_level": "low", "include_thoughts": False}})
    assert (request.reasoning, request.hides_reasoning) == ("high", True)
    assert asked(google="all").reasoning is None
    assert asked(reasoning_effort="none", google={"thinking_config": {"thinking_budget": 800}}).reasoning_budget is None


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (5, ""),
        ({"thinking_budget": "much"}, ".thinking_budget"),
        ({"thinking_budget": -2}, ".thinking_budget"),
        ({"thinkingLevel": "huge"}, ".thinkingLevel"),
        ({"include_thoughts": "yes"}, ".include_thoughts"),
    ],
)
def test_googles_wishes_that_nobody_knows_are_refused_by_their_place(config: Any, place: str) -> None:
    assert refused(messages=HELLO, google={"thinking_config": config}).param == f"google.thinking_config{place}"
