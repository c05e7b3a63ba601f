"""What is learnt from refusals, and what is not. The texts are those that servers send, as their users reported them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.dialects.openai.egress import repair
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES
from tests.dialects.openai.asking import a_refusal, openai_refusal
from tests.dialects.openai.learnt import learnt, pydantic_error

SAMPLING = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})


# Names of parameters


@pytest.mark.parametrize(
    ("message", "param", "code", "dropped"),
    [
        ("Unrecognized request argument supplied: seed", None, None, {"seed"}),
        ("Unrecognized request arguments supplied: seed, top_p", None, None, {"seed", "top_p"}),
        ("Unknown parameter: 'seed'.", "seed", "unknown_parameter", {"seed"}),
        ("property 'seed' is unsupported", None, None, {"seed"}),
        ("'logit_bias' : value must be null; property 'seed' is unsupported", None, None, {"seed"}),
        ("`presence_penalty` is not supported with this model", None, None, {"presence_penalty"}),
        ('Invalid JSON payload received. Unknown name "seed": Cannot find field.', None, None, {"seed"}),
        ("Unsupported param: seed", None, None, {"seed"}),
        ("json: unknown field `seed`, expected one of `model`, `top_p`", None, None, {"seed"}),
        ("groq does not support parameters: ['seed', 'top_p'], for model=m", None, None, {"seed", "top_p"}),
        ("Additional properties are not allowed ('seed', 'top_p' were unexpected)", None, None, {"seed", "top_p"}),
        ("create() got an unexpected keyword argument 'seed'", None, None, {"seed"}),
        ("seed is not currently supported", None, None, {"seed"}),
        ("seed is not supported and must be removed", "seed", None, {"seed"}),
        ("'seed' is not supported by this model. Please choose one of the models that support it.", None, None, {"seed"}),
        ("`seed` is not supported by this model. Must be used with one of: a, b", None, None, {"seed"}),
        ("seed is not supported. To use it, choose one of: gpt-4o, gpt-5", None, None, {"seed"}),
        ("seed is not supported with this model. This parameter must be left at its default value.", None, None, {"seed"}),
        ("'seed' is not supported. The following must be satisfied: no sampling", None, None, {"seed"}),
        ("'seed' is not supported and must be disabled.", None, None, {"seed"}),
        ("seed is not supported with reasoning models between versions x and y", None, None, {"seed"}),
        ("Model grok-4 does not support parameter presencePenalty.", None, None, {"presence_penalty"}),
        ("Argument not supported on this model: presencePenalty", None, None, {"presence_penalty"}),
    ],
)
def test_a_parameter_that_is_refused_by_name_is_dropped(message: str, param: str | None, code: str | None, dropped: set[str]) -> None:
    assert learnt(openai_refusal(message, param, code)) == {"dropped": frozenset(dropped)}


SEVERAL = [pydantic_error("body", "seed"), pydantic_error("body", "frequency_penalty"), pydantic_error("body", "stream_options")]
AS_PYTHON = (
    "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted', 'input': 7}, "
    "{'type': 'extra_forbidden', 'loc': ('body', 'frequency_penalty'), 'msg': 'Extra inputs are not permitted', 'input': 0}, "
    "{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted', 'input': {}}]"
)
AS_LINES = (
    "body -> seed\n  Extra inputs are not permitted (type=extra_forbidden)\nbody -> frequency_penalty\n  Extra inputs are not permitted "
    "(type=extra_forbidden)\nbody -> stream_options\n  Extra inputs are not permitted (type=extra_forbidden)"
)


@pytest.mark.parametrize(
    "body",
    [
        {"detail": SEVERAL},
        {"object": "error", "message": {"detail": SEVERAL}, "type": "invalid_request_error", "param": None, "code": None},
        {"object": "Error", "detail": SEVERAL, "message": SEVERAL, "type": "invalid_request_error", "code": 3001},
        {"object": "error", "message": orjson.dumps({"detail": SEVERAL}).decode(), "type": "internal_error_proxy", "code": "1000"},
        {"object": "error", "message": AS_PYTHON, "type": "BadRequestError", "param": None, "code": 400},
        {"error": AS_PYTHON},
        {"type": "urn:inference-service:problem-details:unprocessable-entity", "title": "Unprocessable Entity", "detail": AS_LINES},
        {"error": {"message": "Provider returned error", "code": 422, "metadata": {"raw": orjson.dumps({"detail": SEVERAL}).decode()}}},
    ],
    ids=["fastapi", "mistral", "mistral-newer", "mistral-older", "vllm", "nvidia", "nim", "openrouter"],
)
def test_all_fields_of_one_refusal_are_dropped_at_once(body: dict[str, Any]) -> None:
    change = learnt(a_refusal(body, 422))
    assert change == {"dropped": frozenset({"seed", "frequency_penalty"}), "stream_options": False}


def test_older_pydantic_is_understood() -> None:
    errors = [pydantic_error("body", "seed", kind="value_error.extra", msg="extra fields not permitted")]
    assert learnt(a_refusal({"detail": errors}, 422)) == {"dropped": frozenset({"seed"})}


def test_a_missing_field_is_no_field_too_many() -> None:
    errors = [pydantic_error("body", "seed", kind="int_parsing", msg="Input should be a valid integer")]
    assert learnt(a_refusal({"detail": errors}, 422)) == {}


def test_reasoning_models_refuse_sampling_as_a_family() -> None:
    error = openai_refusal(
        "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
        "temperature",
        "unsupported_value",
    )
    assert learnt(error) == {"dropped": SAMPLING, "logprobs": False}


@pytest.mark.parametrize("name", ["top_p", "presence_penalty", "logprobs", "top_logprobs"])
def test_any_of_the_family_speaks_for_all(name: str) -> None:
    error = openai_refusal(f"Unsupported parameter: '{name}' is not supported with this model.", name, "unsupported_parameter")
    assert learnt(error) == {"dropped": SAMPLING, "logprobs": False}


def test_newer_claude_models_refuse_sampling_as_a_family() -> None:
    assert learnt(openai_refusal("`temperature` is deprecated for this model.")) == {"dropped": SAMPLING, "logprobs": False}


def test_groq_refuses_likelihoods_alone() -> None:
    assert learnt(openai_refusal("`logprobs` is not supported with this model")) == {"logprobs": False}


def test_likelihoods_that_are_forbidden_are_not_asked_for() -> None:
    assert learnt(openai_refusal("You are not allowed to request logprobs from this model.", status=403)) == {"logprobs": False}


def test_one_of_two_that_exclude_each_other_goes() -> None:
    message = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    assert learnt(openai_refusal(message)) == {"dropped": frozenset({"top_p"})}


@pytest.mark.parametrize(
    "offer",
    [
        "must be one of 'a', 'b'",
        "must be `auto`",
        "must be auto, none or required",
        "should be between -2 and 2",
        "must be 1 with this model",
        "must be set to 1",
        "must be [1, 2]",
        "must be a positive integer",
        "must be at most 8",
        "must be less than 8",
        "must be in the range [0, 8)",
        "must be true",
        "must be low.",
        "when used with tools it is refused: must be 1",
        "please choose one of: a, b",
        "choose one of the allowed options",
        "choose one of the following: a, b",
    ],
)
def test_a_field_of_which_other_values_are_offered_is_left_to_others(offer: str) -> None:
    profile = PROFILES["openai"]
    after = repair(openai_refusal(f"'seed' is not supported as it is: {offer}"), profile)
    assert after is not None
    assert after.leaves_out("seed")
    assert after.as_kept(profile) == profile


@pytest.mark.parametrize("message", ["Something about this is unsupported.", "'low' is not supported with this model."])
def test_what_may_be_about_a_value_is_learnt_for_this_request_alone(message: str) -> None:
    lesson = {"unsaid": frozenset({"seed"}), "passing": frozenset({"unsaid"})}
    assert learnt(openai_refusal(message, "seed")) == lesson


def test_verbosity_is_left_out_of_the_request_whose_word_for_it_is_refused() -> None:
    words = "Unsupported value: 'verbosity' does not support 'low' with this model. Supported values are: 'medium'."
    lesson = {"unsaid": frozenset({"verbosity"}), "passing": frozenset({"unsaid"})}
    assert learnt(openai_refusal(words, "verbosity", "unsupported_value"), "openai") == lesson


@pytest.mark.parametrize("profile", ["openai", "azure", "openai-reasoning"])
def test_a_tier_that_is_refused_is_told_and_a_server_without_tiers_is_not_sent_any(profile: str) -> None:
    words = "Invalid service_tier argument: 'flex' is not supported for this model. Supported values are: 'auto', 'default', 'priority'."
    assert learnt(openai_refusal(words, "service_tier", "invalid_value"), profile) == {}
    without = openai_refusal("Unsupported parameter: 'service_tier' is not supported.", "service_tier", "unsupported_parameter")
    assert learnt(without, profile) == {"dropped": frozenset({"service_tier"})}


# What is no lesson


@pytest.mark.parametrize(
    "error",
    [
        openai_refusal("Invalid 'temperature': decimal above maximum value.", "temperature", "decimal_above_max_value"),
        openai_refusal("5 is greater than the maximum of 1 - 'logprobs'", "logprobs"),
        openai_refusal("temperature must be between 0 and 2", "temperature"),
        openai_refusal("This model's maximum context length is 8192 tokens.", "messages", "context_length_exceeded"),
        openai_refusal('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
        openai_refusal("`tools` is not supported with this model"),
        openai_refusal("Unsupported parameter: 'messages'"),
        openai_refusal("This model does not support tools"),
        openai_refusal("Unsupported param: suffix"),
        openai_refusal("The model `m` does not exist", "model", "model_not_found"),
        openai_refusal("Invalid value for 'content': image_url is not supported by this model"),
        a_refusal({"detail": [pydantic_error("body", "tools")]}, 422),
        a_refusal({"error": {"message": "No.", "failed_generation": "Unsupported parameter: 'seed'"}}),
        a_refusal(b"<html><h1>Bad Request</h1></html>"),
        a_refusal(b""),
    ],
    ids=lambda error: error.message[:30],
)
def test_other_refusals_teach_nothing(error: UpstreamRefused) -> None:
    assert learnt(error) == {}


@pytest.mark.parametrize("status", [401, 402, 404, 408, 409, 413, 429, 502, 503, 504, 529])
def test_only_refusals_of_requests_are_read(status: int) -> None:
    assert learnt(openai_refusal("Unknown parameter: 'seed'.", "seed", "unknown_parameter", status)) == {}


def test_a_refusal_in_a_good_answer_is_one_too() -> None:
    error = UpstreamRefused("Unknown parameter: 'seed'.", status=400, upstream_status=200)
    assert learnt(error) == {"dropped": frozenset({"seed"})}


def test_what_was_not_sent_cannot_be_dropped() -> None:
    assert learnt(openai_refusal("Unknown parameter: 'top_k'.", "top_k", "unknown_parameter")) == {}


def test_a_body_that_is_nested_without_end_is_left() -> None:
    raw: Any = {"detail": "Unknown parameter: 'seed'."}
    for _ in range(50):
        raw = {"error": [raw]}
    assert learnt(UpstreamRefused("no", status=400, raw=raw)) == {}
