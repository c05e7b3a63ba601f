"""Google's errors, and what is learnt from its refusals. The texts are those that it sends, as its users reported them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.dialects.gemini.egress import read_error, repair
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES, Profile
from tests.dialects.gemini.asking import a_refusal

RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}
QUOTA_WORDS = "You exceeded your current quota, please check your plan and billing details."


def quota(quota_id: str, value: str = "10") -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota_id, "quotaValue": value}]}


def about(error: UpstreamRefused) -> tuple[int, str | None]:
    return error.status, error.code


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: [error]])
def test_an_error_comes_as_an_object_or_in_an_array(wrap: Any) -> None:
    body = orjson.dumps(wrap({"error": {"code": 400, "message": "Bad things.", "status": "INVALID_ARGUMENT"}}))
    error = read_error(400, {}, body)
    assert (error.status, error.message, error.code, error.param, str(error)) == (400, "Bad things.", None, None, "Bad things.")


def test_a_bad_key_is_said_to_be_one_whatever_the_status() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    assert about(a_refusal("API key not valid. Please pass a valid API key.", details=details)) == (401, "invalid_api_key")
    assert about(a_refusal("API key expired. Please renew the API key.")) == (401, "invalid_api_key")
    assert about(a_refusal("The caller does not have permission", 403, "PERMISSION_DENIED")) == (403, None)


def test_a_missing_model_is_told_from_a_wrong_address() -> None:
    error = a_refusal("models/nope is not found for API version v1beta, or is not supported for generateContent.", 404, "NOT_FOUND")
    assert (*about(error), error.param) == (404, "model_not_found", "model")
    assert error.message.startswith("models/nope is not found")
    error = read_error(404, {}, b"<html><title>Error 404 (Not Found)!!1</title></html>")
    assert (error.status, "check the base URL" in error.message) == (502, True)


def test_too_long_a_conversation_is_said_to_be_one() -> None:
    words = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    assert about(a_refusal(words)) == (400, "context_length_exceeded")


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ([quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), RETRY], "rate_limit_exceeded"),
        ([RETRY], "rate_limit_exceeded"),
        ([], "rate_limit_exceeded"),
        ([quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), RETRY], "insufficient_quota"),
        ([quota("GenerateContentInputTokensPerModelPerMinute-FreeTier", "0")], "insufficient_quota"),
    ],
)
def test_a_minutes_limit_is_told_from_what_is_spent(details: list[Any], code: str) -> None:
    error = a_refusal(QUOTA_WORDS, 429, "RESOURCE_EXHAUSTED", details)
    assert about(error) == (429, code)
    assert error.retry_after_s == (12.5 if RETRY in details else None)


def test_an_overloaded_model_may_be_asked_again() -> None:
    error = a_refusal("The model is overloaded. Please try again later.", 503, "UNAVAILABLE")
    assert about(error) == (503, None)


def test_keys_and_addresses_are_kept_from_clients() -> None:
    error = a_refusal("Consumer 'api_key:AIzaSyA1234567890abcdefghij' at https://x.googleapis.com/v1 has been suspended.", 403)
    assert "AIza" not in error.message
    assert "googleapis" not in error.message


# Lessons

# What is said of the schema at hand says nothing of others.
UNBOUND = {"json_schema": False, "passing": frozenset({"json_schema"})}


def learnt(message: str, profile: Profile | str = "gemini", **about: Any) -> dict[str, Any]:
    """The fields of the profile that the lesson changed; nothing when there was no lesson."""
    before = PROFILES[profile] if isinstance(profile, str) else profile
    after = repair(a_refusal(message, **about), before)
    if after is None:
        return {}
    assert after != before, "a lesson that changes nothing would be learnt for ever"
    names = (name for name in Profile.__dataclass_fields__ if name != "sent")
    return {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}


@pytest.mark.parametrize(
    ("message", "profile", "lesson"),
    [
        ("Penalty is not enabled for models/gemini-3-flash", "gemini", {"dropped": frozenset({"presencePenalty", "frequencyPenalty"})}),
        ("Presence penalty is not enabled for this model", "gemini", {"dropped": frozenset({"presencePenalty", "frequencyPenalty"})}),
        (
            "Invalid JSON payload received. Unknown name \"topK\" at 'generation_config': Cannot find field.",
            "gemini",
            {"dropped": frozenset({"topK"})},
        ),
        (
            "Invalid JSON payload received. Unknown name \"presence_penalty\" at 'generation_config': Cannot find field.",
            "gemini",
            {"dropped": frozenset({"presencePenalty"})},
        ),
        (
            'Invalid JSON payload received. Unknown name "serviceTier": Cannot find field.',
            "gemini",
            {"dropped": frozenset({"serviceTier"})},
        ),
        ("Logprobs is not enabled for models/gemini-2.5-flash", "gemini-2.5", {"logprobs": False}),
        (
            "Thinking level MINIMAL is not supported for this model. Please retry with other thinking level.",
            "gemini",
            {"efforts": ("low", "medium", "high")},
        ),
        (
            "Thinking level is not supported for this model.",
            "gemini",
            {"reasoning": "budget", "efforts": ("none", "minimal", "low", "medium", "high", "xhigh")},
        ),
        (
            "Budget 0 is invalid. This model only works in thinking mode.",
            "gemini-2.5",
            {"efforts": ("minimal", "low", "medium", "high", "xhigh")},
        ),
        (
            "The thinking budget 50000 is invalid. Please choose a value between 512 and 24576.",
            "gemini-2.5",
            {"thought_tokens": (512, 24_576)},
        ),
        (
            "The thinking budget 50000 is invalid. Please choose a value.",
            "gemini-2.5",
            {"unsaid": frozenset({"thinkingBudget"}), "passing": frozenset({"unsaid"})},
        ),
        ("Thinking is not supported for this model.", "gemini-2.5", {"reasoning": "none"}),
        (
            "Thinking_config.include_thoughts is only enabled when thinking is enabled.",
            "gemini-2.5",
            {"reasoning": "none"},
        ),
        (
            "Function calling with a response mime type: 'application/json' is unsupported",
            "gemini",
            {"format_with_tools": False},
        ),
        ("Json mode is not enabled for models/gemma-9", "gemini", {"json_schema": False, "json_mode": "prompt"}),
        ("Developer instruction is not enabled for models/gemma-9", "gemini", {"system": False}),
        (
            "* GenerateContentRequest.tools[0].function_declarations[0].parameters_json_schema: reference to undefined schema",
            "gemini",
            {"schemas": "openapi", "passing": frozenset({"schemas"})},
        ),
        (
            "Unknown name \"parametersJsonSchema\" at 'tools[0].function_declarations[0]': Cannot find field.",
            "gemini",
            {"schemas": "openapi"},
        ),
        ("response_json_schema is not supported for this model", "gemini", {"schemas": "openapi"}),
        ("Unknown name \"responseSchema\" at 'generation_config': Cannot find field.", "gemini-2.0", {"json_schema": False}),
        ("A schema in GenerationConfig in the request exceeds: response_schema too deep", "gemini-2.0", UNBOUND),
        ("Unknown name \"not\" at 'generation_config.response_schema': Cannot find field.", "gemini-2.0", UNBOUND),
        ("The specified schema produces a constraint that has too many states for serving.", "gemini-2.0", UNBOUND),
        (
            "The specified schema produces a constraint that has too many states for serving.",
            "gemini",
            {"schemas": "openapi", "passing": frozenset({"schemas"})},
        ),
        (
            (
                "Unable to submit request because it has a maxOutputTokens value of 128000 but the supported range is from 1 "
                "(inclusive) to 65537 (exclusive). Update the value and try again."
            ),
            "gemini",
            {"output_limit": 65_536},
        ),
        ("GenerateContentRequest.generation_config.stop_sequences: at most 3 items allowed", "gemini", {"stop_limit": 3}),
        ("outputDimensionality is not supported for this model", "gemini", {"dimensions": False}),
        (
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly.",
            "gemini-2.5",
            {"must_echo_reasoning": True},
        ),
        ("GenerateContentRequest.contents[2].parts[0].function_response.parts: not supported", "gemini", {"results_show": False}),
    ],
)
def test_a_refusal_teaches_what_to_leave_out(message: str, profile: str, lesson: dict[str, Any]) -> None:
    assert learnt(message, profile) == lesson


@pytest.mark.parametrize(
    ("message", "about"),
    [
        ("API key not valid. Please pass a valid API key.", {}),
        (QUOTA_WORDS, {"status": 429, "word": "RESOURCE_EXHAUSTED"}),
        ("The input token count (12) exceeds the maximum number of tokens allowed (10).", {}),
        ("Please ensure that function call turn comes immediately after a user turn or after a function response turn.", {}),
        ("Function calling is not enabled for models/gemma-3-27b-it", {}),
        ("Unable to process input image. Please retry or report.", {}),
        ("User location is not supported for the API use.", {"word": "FAILED_PRECONDITION"}),
        ("An internal error has occurred. Please retry or report.", {"status": 500, "word": "INTERNAL"}),
        ("Invalid value at 'generation_config.temperature': 9", {}),
    ],
)
def test_what_is_not_about_a_parameter_teaches_nothing(message: str, about: dict[str, Any]) -> None:
    assert learnt(message, **about) == {}


def test_an_answer_that_broke_off_for_want_of_a_signature_teaches_to_sign() -> None:
    raw = {"error": {"message": "", "status": "MISSING_THOUGHT_SIGNATURE"}}
    error = UpstreamRefused("broken off", status=502, upstream_status=200, raw=raw)
    after = repair(error, PROFILES["gemini-2.5"])
    assert after is not None
    assert after.must_echo_reasoning


def test_what_is_said_of_single_fields_is_heard() -> None:
    details = [
        {"fieldViolations": [{"field": "generation_config.response_json_schema", "description": "bad"}]},
        "odd",
        {"fieldViolations": [7]},
    ]
    lesson = {"schemas": "openapi", "passing": frozenset({"schemas"})}
    assert learnt("Request contains an invalid argument.", details=details) == lesson


def test_lessons_come_to_an_end() -> None:
    for message in (
        "Thinking level is not supported for this model. thinking budget is invalid",
        "response_schema is invalid",
        "at most 3 stop_sequences: stop_sequences at most 3",
    ):
        profile: Profile | None = PROFILES["gemini"]
        for _ in range(12):
            assert profile is not None
            profile = repair(a_refusal(message), profile)
            if profile is None:
                break
        assert profile is None


def test_a_body_that_is_no_error_teaches_nothing() -> None:
    assert repair(read_error(400, {}, b"nonsense"), PROFILES["gemini"]) is None
    assert repair(UpstreamRefused("x", status=400, raw={"error": {"details": 7}}), replace(PROFILES["gemini"])) is None
