"""The model's own last words, as each kind of server goes on with them."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.request import Effort, Message
from tests.dialects.openai.asking import built, called, said


def prefilled(profile: str, **changes: Any) -> dict[str, Any]:
    return built(profile, messages=(said("user", "Count."), said("assistant", "One, ")), **changes)


def test_vllm_goes_on_when_it_is_told_to() -> None:
    body = prefilled("vllm")
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_mistral_goes_on_with_what_is_marked() -> None:
    assert prefilled("mistral")["messages"][-1] == {"role": "assistant", "content": "One, ", "prefix": True}


@pytest.mark.parametrize(("effort", "thinks"), [(None, False), ("on", True), ("off", False)])
def test_llama_cpp_goes_on_when_it_does_not_think(effort: Effort | None, thinks: bool) -> None:
    assert prefilled("llamacpp", reasoning=effort)["chat_template_kwargs"]["enable_thinking"] is thinks


@pytest.mark.parametrize("profile", ["generic", "openai", "deepseek", "groq", "ollama"])
def test_elsewhere_the_last_words_are_history(profile: str) -> None:
    assert prefilled(profile).keys() == {"model", "messages"}


@pytest.mark.parametrize("profile", ["vllm", "mistral", "llamacpp"])
@pytest.mark.parametrize("last", [said("user", "Hi"), said("assistant", called("abcdefghi")), said("assistant")])
def test_only_words_can_be_gone_on_with(profile: str, last: Message) -> None:
    body = built(profile, messages=(said("user", "Hi"), last))
    assert body.keys() == {"model", "messages"}
    assert not any("prefix" in message for message in body["messages"])
