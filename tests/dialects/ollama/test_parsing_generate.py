"""`/api/generate`."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.request import ChatRequest, ImagePart, Message, PromptRequest, ResponseFormat, Sampling, TextPart
from proxy.dialects.ollama.parsing import KEEP_ALIVE, load_reason, parse_generate
from proxy.errors import InvalidRequest, ModelNotFound

PIXEL = "iVBORw0KGgo="


def parsed(**changes: Any) -> ChatRequest | PromptRequest:
    return parse_generate({"model": "m", "prompt": "hi", **changes})


def refusal(**changes: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parsed(**changes)
    assert caught.value.status == 400
    return caught.value


def test_the_least_request_is_a_user_turn_that_streams() -> None:
    assert parsed() == ChatRequest(model="m", messages=(Message("user", (TextPart("hi"),)),), stream=True)


def test_rule_system_prompt_and_images_become_two_messages() -> None:
    request = parsed(system="be kind", images=[PIXEL], stream=False, think="low", format="json", options={"seed": 1}, keep_alive=5)
    assert request == ChatRequest(
        model="m",
        messages=(
            Message("system", (TextPart("be kind"),)),
            Message("user", (TextPart("hi"), ImagePart(mime="image/png", data=PIXEL))),
        ),
        stream=False,
        response_format=ResponseFormat("json"),
        reasoning="low",
        sampling=Sampling(seed=1),
        extra={KEEP_ALIVE: 5.0},
    )


def test_empty_strings_of_the_command_line_client_mean_nothing() -> None:
    assert parsed(system="", template="", suffix="", options=None, context=None, images=None) == parsed()


def test_case_76_raw_and_suffix_become_a_plain_continuation() -> None:
    request = parsed(raw=True, suffix="end", options={"num_predict": 5, "num_ctx": 9}, stream=False)
    assert request == PromptRequest(
        model="m", prompt="hi", suffix="end", stream=False, sampling=Sampling(max_tokens=5), extra={"num_ctx": 9}, is_finished=True
    )
    assert parsed(raw=True) == PromptRequest(model="m", prompt="hi", stream=True, is_finished=True)
    assert parsed(suffix="end", system="ignored by templates that insert") == PromptRequest(
        model="m", prompt="hi", suffix="end", stream=True
    )


@pytest.mark.parametrize("field", [{"template": "t"}, {"system": "s"}, {"context": [1]}])
def test_case_76_raw_with_template_system_or_context_is_refused(field: dict[str, Any]) -> None:
    assert refusal(raw=True, **field).message == "raw mode does not support template, system, or context"


def test_raw_with_empty_template_system_and_context_is_fine() -> None:
    assert isinstance(parsed(raw=True, template="", system="", context=[]), PromptRequest)


def test_rule_template_alone_is_refused_by_name() -> None:
    error = refusal(template="{{ .Prompt }}")
    assert error.message.startswith("template is not supported")
    assert error.param == "template"


def test_rule_context_is_ignored() -> None:
    assert parsed(context=[1, 2, 3]) == parsed()


@pytest.mark.parametrize(("field", "value"), [("images", [PIXEL]), ("format", "json"), ("format", {"type": "object"}), ("template", "t")])
def test_what_a_plain_continuation_has_no_place_for_is_refused_by_name(field: str, value: Any) -> None:
    error = refusal(suffix="end", **{field: value})
    assert error.message == f"{field} is not supported together with raw or suffix"
    assert error.param == field


@pytest.mark.parametrize(
    "sent", [{}, {"prompt": ""}, {"prompt": None}, {"suffix": "end"}, {"raw": True}, {"images": [PIXEL]}, {"system": "s"}]
)
def test_fact_32_no_prompt_loads_the_model_whatever_else_there_is(sent: dict[str, Any]) -> None:
    assert load_reason(parse_generate({"model": "m", **sent})) == "load"


@pytest.mark.parametrize("sent", [{}, {"suffix": "end"}, {"raw": True, "system": "s"}, {"template": "t"}])
def test_fact_32_no_prompt_and_keep_alive_0_unload_it_before_anything_else_is_judged(sent: dict[str, Any]) -> None:
    assert load_reason(parse_generate({"model": "m", "keep_alive": "0s", **sent})) == "unload"


def test_a_prompt_is_no_load() -> None:
    assert load_reason(parsed(keep_alive=0)) is None
    assert load_reason(parsed(raw=True, keep_alive=0)) is None


@pytest.mark.parametrize("payload", [{}, {"model": ""}, {"prompt": "hi"}])
def test_fact_33_without_a_model_the_empty_name_is_not_found(payload: dict[str, Any]) -> None:
    with pytest.raises(ModelNotFound) as caught:
        parse_generate(payload)
    assert (caught.value.message, caught.value.status) == ("model '' not found", 404)


def test_fact_43_top_logprobs_come_before_the_model() -> None:
    with pytest.raises(InvalidRequest, match=r"^top_logprobs must be between 0 and 20$"):
        parse_generate({"top_logprobs": 21})


def test_sizes_of_pictures_to_make_are_checked_and_mean_nothing() -> None:
    assert parsed(width=512, height=512, steps=4) == parsed()
    assert "GenerateRequest.width of type int" in refusal(width="wide").message
