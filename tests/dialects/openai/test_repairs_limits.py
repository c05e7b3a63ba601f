"""What is learnt of how long answers may be, how many stops there may be, and whether answers stream."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.dialects.openai.egress import repair
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES
from tests.dialects.openai.asking import a_refusal, openai_refusal
from tests.dialects.openai.learnt import GENERIC, learnt, pydantic_error

# The token limit

USE_NEW = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."


def test_the_token_limit_gets_its_new_name_and_its_old() -> None:
    error = openai_refusal(USE_NEW, "max_tokens", "unsupported_parameter")
    assert learnt(error) == {"max_tokens": "max_completion_tokens", "dropped": frozenset({"max_tokens"})}
    back = a_refusal({"detail": [pydantic_error("body", "max_completion_tokens")]}, 422)
    assert learnt(back, "openai") == {"max_tokens": "max_tokens", "dropped": frozenset({"max_completion_tokens"})}
    assert learnt(openai_refusal("Use 'max_tokens' instead of it"), "openai") == {
        "max_tokens": "max_tokens",
        "dropped": frozenset({"max_completion_tokens"}),
    }


def test_a_server_that_refuses_both_names_gets_neither() -> None:
    once = repair(openai_refusal(USE_NEW), GENERIC)
    assert once is not None
    twice = repair(openai_refusal("Unrecognized request argument supplied: max_completion_tokens"), once)
    assert twice is not None
    assert {"max_tokens", "max_completion_tokens"} <= twice.dropped


def test_the_same_refusal_again_teaches_nothing() -> None:
    once = repair(openai_refusal(USE_NEW), GENERIC)
    assert once is not None
    assert repair(openai_refusal(USE_NEW), once) is None


# Streams and stops


@pytest.mark.parametrize("message", ["Unknown parameter: 'stream_options'.", "Unrecognized request argument supplied: stream_options. Bye"])
def test_usage_is_not_asked_for_again(message: str) -> None:
    assert learnt(openai_refusal(message)) == {"stream_options": False}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("Your organization must be verified to stream this model. Please go to the settings and click on Verify.", "stream"),
        ("Unsupported value: 'stream' does not support true with this model. Only the default (false) value is supported.", "stream"),
        ("This model does not support streaming.", None),
    ],
)
def test_who_may_not_stream_gets_whole_answers(message: str, param: str | None) -> None:
    assert learnt(openai_refusal(message, param, "unsupported_value")) == {"streams": "none"}


TOO_MANY = "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 6 instead."


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (openai_refusal(TOO_MANY, "stop", "array_above_max_length"), 4),
        (openai_refusal("'$.stop' is invalid. Please check the API reference."), 4),
        (openai_refusal("stop: at most 2 sequences are allowed"), 2),
        (a_refusal({"detail": [{"type": "too_long", "loc": ["body", "stop"], "msg": "List should have at most 5 items"}]}, 422), 5),
        (openai_refusal("Unsupported parameter: 'stop' is not supported with this model.", "stop", "unsupported_parameter"), 0),
    ],
)
def test_stops_are_counted_as_the_server_counts(error: UpstreamRefused, limit: int) -> None:
    assert learnt(error, "vllm") == {"stop_limit": limit}


def test_stops_that_are_refused_though_they_are_few_are_not_sent_in_this_request() -> None:
    assert learnt(openai_refusal(TOO_MANY), GENERIC) == {"stop_limit": 0, "passing": frozenset({"stop_limit"})}


# The longest answer

TOO_LARGE = "max_tokens is too large: 32000. This model supports at most 16384 completion tokens, whereas you provided 32000."
NO_ROOM = (
    "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 40960 tokens and your request has "
    "12000 input tokens (32000 > 40960 - 12000)."
)


@pytest.mark.parametrize("profile", ["generic", "openai", "vllm"])
def test_answers_that_are_too_long_for_the_model_are_asked_for_no_more(profile: str) -> None:
    assert learnt(openai_refusal(TOO_LARGE, "max_tokens", "invalid_value"), profile) == {"output_limit": 16_384}
    assert learnt(openai_refusal(TOO_LARGE, "max_tokens"), replace(PROFILES[profile], output_limit=16_384)) == {}


def test_an_answer_takes_the_room_that_its_prompt_leaves() -> None:
    assert learnt(openai_refusal(NO_ROOM)) == {"output_room": 28_960, "passing": frozenset({"output_room"})}
    assert learnt(openai_refusal(NO_ROOM), GENERIC.for_this_request(output_room=28_960)) == {"output_room": 28_959}
    assert learnt(openai_refusal(NO_ROOM.replace("12000", "41000"))) == {}
