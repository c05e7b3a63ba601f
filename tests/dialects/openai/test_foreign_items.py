"""What other upstreams' models thought does not go to `/v1/responses`; everything else does, untouched."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.openai.responses.foreign_items import without_foreign_items
from proxy.profiles import PROFILES

STRICT = PROFILES["openai"]
USER = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
SUMMARY = [{"type": "summary_text", "text": "hm"}]
TOLD_BY_US = {"type": "reasoning", "id": "rs_translated_1_0", "summary": SUMMARY}
OPENAIS = {"type": "reasoning", "id": "rs_68ab", "summary": []}


def asked(*items: Any) -> dict[str, Any]:
    return {"model": "m", "input": [USER, *items, USER], "tools": [{"type": "web_search"}], "previous_response_id": "resp_1"}


def signed(word: object, **more: Any) -> dict[str, Any]:
    return {**CALL, "extra_content": {"google": {"thought_signature": word}, **more}}


@pytest.mark.parametrize(
    "thought",
    [
        TOLD_BY_US,
        TOLD_BY_US | {"encrypted_content": "gemini:c2ln"},
        {"type": "reasoning", "id": "rs_1", "summary": SUMMARY, "encrypted_content": "anthropic*:c2ln"},
        {"type": "reasoning", "summary": SUMMARY, "encrypted_content": "openrouter:[]"},
        {"type": "reasoning", "summary": SUMMARY},
        {"type": "reasoning", "summary": SUMMARY, "encrypted_content": None, "content": None},
    ],
)
def test_thoughts_of_others_are_cut_out(thought: dict[str, Any]) -> None:
    payload = asked(thought, OPENAIS, CALL)
    assert without_foreign_items(payload, STRICT) == asked(OPENAIS, CALL)
    assert payload == asked(thought, OPENAIS, CALL)


@pytest.mark.parametrize(
    "item",
    [
        OPENAIS,
        OPENAIS | {"encrypted_content": "gAAAAA=="},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAA=="},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},  # as vLLM tells and reads them
        *(CALL, signed("c2ln"), signed(7), {**CALL, "extra_content": 7}, {**CALL, "extra_content": {"google": 7}}),
        *(7, None, {}, {"type": 7}, {"role": "assistant", "content": "gemini:c2ln"}),
    ],
)
def test_everything_else_goes_on_as_it_came(item: Any) -> None:
    assert without_foreign_items(asked(item), STRICT) is None


@pytest.mark.parametrize("payload", [{}, {"input": "rs_translated_1"}, {"input": 7}, {"input": []}])
def test_there_may_be_no_items(payload: dict[str, Any]) -> None:
    assert without_foreign_items(payload, STRICT) is None


@pytest.mark.parametrize(("word", "more", "goes_on"), [("gemini:c2ln", {}, CALL), ("a:b", {"x": 1}, CALL | {"extra_content": {"x": 1}})])
def test_signatures_of_calls_are_cut_out(word: str, more: dict[str, Any], goes_on: dict[str, Any]) -> None:
    assert without_foreign_items(asked(signed(word, **more)), STRICT) == asked(goes_on)


def test_geminis_signatures_of_calls_are_googles_own_at_its_door() -> None:
    assert without_foreign_items(asked(signed("gemini:c2ln")), PROFILES["google"]) == asked(signed("c2ln"))
