"""What other upstreams gave does not go to OpenAI-style servers; everything else does, untouched."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.openai.foreign_state import without_foreign_state
from proxy.profiles import PROFILES

STRICT = PROFILES["openai"]
USER = {"role": "user", "content": "hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def turn(**members: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [USER, {"role": "assistant", "content": None, **members}, USER], "odd": 1}


def signed(word: str, **more: Any) -> dict[str, Any]:
    return {**CALL, "extra_content": {"google": {"thought_signature": word}, **more}}


@pytest.mark.parametrize(
    ("told", "goes_on"),
    [
        ({"thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "gemini:c2ln"}]}, {}),
        ({"thinking_blocks": [{"type": "redacted_thinking", "data": "anthropic*:c2ln"}], "content": "x"}, {"content": "x"}),
        (
            {"thinking_blocks": [{"type": "thinking", "signature": "c2ln"}, {"type": "thinking", "signature": "openrouter:[]"}]},
            {"thinking_blocks": [{"type": "thinking", "signature": "c2ln"}]},
        ),
        (
            {"tool_calls": [signed("anthropic:c2ln"), CALL], "reasoning_content": "a"},
            {"tool_calls": [CALL, CALL], "reasoning_content": "a"},
        ),
        ({"tool_calls": [signed("gemini:c2ln")]}, {"tool_calls": [CALL]}),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "anthropic:c2ln"}]}, {}),
        ({"tool_calls": [signed("openrouter:[]", other=1)]}, {"tool_calls": [{**CALL, "extra_content": {"other": 1}}]}),
    ],
)
def test_words_of_other_languages_are_cut_out(told: dict[str, Any], goes_on: dict[str, Any]) -> None:
    payload = turn(**told)
    assert without_foreign_state(payload, STRICT) == turn(**goes_on)
    assert payload == turn(**told)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"messages": 7},
        {"messages": [7, USER]},
        turn(thinking_blocks=7, tool_calls=7),
        turn(thinking_blocks=[], tool_calls=[]),
        turn(thinking_blocks=[7, {"type": "thinking", "signature": "c2ln"}], tool_calls=[7, CALL]),
        turn(tool_calls=[signed("c2ln"), {**CALL, "extra_content": 7}, {**CALL, "extra_content": {"google": 7}}]),
        turn(content="gemini:c2ln", reasoning_content="gemini:c2ln"),
    ],
)
def test_everything_else_goes_on_as_it_came(payload: dict[str, Any]) -> None:
    assert without_foreign_state(payload, STRICT) is None


def test_gemini_s_signatures_of_calls_are_googles_own_at_its_door() -> None:
    google = PROFILES["google"]
    assert without_foreign_state(turn(tool_calls=[signed("gemini:c2ln")]), google) == turn(tool_calls=[signed("c2ln")])
    assert without_foreign_state(turn(tool_calls=[signed("anthropic:c2ln")]), google) == turn(tool_calls=[CALL])
