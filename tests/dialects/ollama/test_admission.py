"""What a card that lists capabilities refuses, in Ollama's words."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.dialect import TextRequest
from proxy.dialects.ollama.admission import admit_chat, admit_generate
from proxy.dialects.ollama.parsing import parse_chat, parse_generate
from proxy.errors import InvalidRequest

A_TOOL = {"type": "function", "function": {"name": "f"}}


def a_chat(**changes: Any) -> TextRequest:
    return parse_chat({"model": "x", "messages": [{"role": "user", "content": "hi"}], **changes})


def a_generate(**changes: Any) -> TextRequest:
    return parse_generate({"model": "x", "prompt": "hi", **changes})


def a_card(*capabilities: str) -> ModelCard:
    return ModelCard("x", capabilities=frozenset(capabilities))


def refusal_of_chat(request: TextRequest, card: ModelCard) -> str:
    with pytest.raises(InvalidRequest) as caught:
        admit_chat(request, card)
    assert caught.value.status == 400
    return caught.value.message


def refusal_of_generate(request: TextRequest, card: ModelCard) -> str:
    with pytest.raises(InvalidRequest) as caught:
        admit_generate(request, card)
    assert caught.value.status == 400
    return caught.value.message


def test_fact_38_tools_on_a_model_without_tools() -> None:
    assert refusal_of_chat(a_chat(tools=[A_TOOL]), a_card("completion")) == "registry.ollama.ai/library/x:latest does not support tools"


def test_fact_38_names_the_model_in_full_whatever_its_form() -> None:
    request = a_chat(model="openai/gpt-4o", tools=[A_TOOL])
    assert refusal_of_chat(request, a_card("completion")) == "registry.ollama.ai/openai/gpt-4o:latest does not support tools"


@pytest.mark.parametrize("think", [True, "low", "medium", "high", "max"])
def test_fact_39_think_on_a_model_without_thinking(think: object) -> None:
    assert refusal_of_chat(a_chat(think=think), a_card("completion", "tools")) == '"x" does not support thinking'
    assert refusal_of_generate(a_generate(think=think), a_card("completion")) == '"x" does not support thinking'


def test_fact_39_think_false_or_absent_needs_no_thinking() -> None:
    assert admit_chat(a_chat(think=False), a_card("completion")) is None
    assert admit_chat(a_chat(), a_card("completion")) is None


def test_fact_41_suffix_on_a_model_without_insert() -> None:
    message = refusal_of_generate(a_generate(suffix="end"), a_card("completion"))
    assert message == "registry.ollama.ai/library/x:latest does not support insert"


def test_fact_42_an_embedding_model_neither_chats_nor_generates() -> None:
    assert refusal_of_chat(a_chat(), a_card("embedding")) == '"x" does not support chat'
    assert refusal_of_generate(a_generate(), a_card("embedding")) == '"x" does not support generate'
    assert refusal_of_chat(a_chat(tools=[A_TOOL]), a_card("embedding")) == '"x" does not support chat'


def test_loading_an_embedding_model_through_chat_is_refused_but_unloading_is_not() -> None:
    assert refusal_of_chat(a_chat(messages=[]), a_card("embedding")) == '"x" does not support chat'
    assert admit_chat(a_chat(messages=[], keep_alive=0), a_card("embedding")) is None
    assert admit_generate(a_generate(prompt="", keep_alive="0s"), a_card("embedding")) is None


@pytest.mark.parametrize("card", [None, ModelCard("x")])
def test_what_nobody_has_said_is_allowed(card: ModelCard | None) -> None:
    assert admit_chat(a_chat(tools=[A_TOOL], think=True), card) is None
    assert admit_generate(a_generate(suffix="end"), card) is None


def test_a_model_that_can_all_is_asked_for_all() -> None:
    card = a_card("completion", "tools", "thinking", "insert")
    assert admit_chat(a_chat(tools=[A_TOOL], think=True), card) is None
    assert admit_generate(a_generate(suffix="end"), card) is None
    assert admit_generate(a_generate(think="high"), card) is None


def test_pictures_are_left_to_the_model() -> None:
    assert admit_generate(a_generate(images=["iVBORw0KGgo="]), a_card("completion")) is None
