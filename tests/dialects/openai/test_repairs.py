"""What is learnt from refusals. The texts are those that servers send, as their users reported them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.canonical.request import ImagePart, Message
from proxy.dialects.openai.egress import repair
from proxy.dialects.openai.messages import messages_json
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES, Profile
from tests.dialects.openai.asking import a_refusal, openai_refusal

GENERIC = PROFILES["generic"]
OPENAI = PROFILES["openai"]
SAMPLING = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})


def learnt(error: UpstreamRefused, profile: Profile | str = GENERIC) -> dict[str, Any]:
    """The fields of the profile that the lesson changed; nothing when there was no lesson."""
    before = PROFILES[profile] if isinstance(profile, str) else profile
    after = repair(error, before)
    if after is None:
        return {}
    assert after != before, "a lesson that changes nothing would be learnt for ever"
    names = (name for name in Profile.__dataclass_fields__ if name != "sent")
    return {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}


# Names of parameters


@pytest.mark.parametrize(
    ("message", "param", "code", "dropped"),
    [
        ("Unrecognized request argument supplied: seed", None, None, {"seed"}),
        ("Unrecognized request arguments supplied: seed, top_p", None, None, {"seed", "top_p"}),
        ("Unknown parameter: 'seed'.", "seed", "unknown_parameter", {"seed"}),
        ("property 'seed' is unsupported", None, None, {"seed"}),
        ("`presence_penalty` is not supported with this model", None, None, {"presence_penalty"}),
        ('Invalid JSON payload received. Unknown name "seed": Cannot find field.', None, None, {"seed"}),
        ("Unsupported param: seed", None, None, {"seed"}),
        ("json: unknown field `seed`, expected one of `model`, `top_p`", None, None, {"seed"}),
        ("groq does not support parameters: ['seed', 'top_p'], for model=m", None, None, {"seed", "top_p"}),
        ("Additional properties are not allowed ('seed', 'top_p' were unexpected)", None, None, {"seed", "top_p"}),
        ("create() got an unexpected keyword argument 'seed'", None, None, {"seed"}),
        ("Something about this is unsupported.", "seed", None, {"seed"}),
        ("seed is not currently supported", None, None, {"seed"}),
        ("Model grok-4 does not support parameter presencePenalty.", None, None, {"presence_penalty"}),
        ("Argument not supported on this model: presencePenalty", None, None, {"presence_penalty"}),
    ],
)
def test_a_parameter_that_is_refused_by_name_is_dropped(message: str, param: str | None, code: str | None, dropped: set[str]) -> None:
    assert learnt(openai_refusal(message, param, code)) == {"dropped": frozenset(dropped)}


def pydantic_error(*place: Any, kind: str = "extra_forbidden", msg: str = "Extra inputs are not permitted") -> dict[str, Any]:
    return {"type": kind, "loc": list(place), "msg": msg, "input": {"message": "Unsupported parameter: 'top_p'"}}


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


def test_stops_that_are_too_many_however_few_are_not_sent() -> None:
    assert learnt(openai_refusal(TOO_MANY), GENERIC) == {"stop_limit": 0}


# Thinking


LISTS = "Supported values are: "


@pytest.mark.parametrize(
    ("message", "efforts"),
    [
        (
            f"Unsupported value: 'reasoning_effort' does not support 'max' with this model. {LISTS}'none', 'low', and 'high'.",
            "none low high",
        ),
        (f"Unsupported value: 'reasoning_effort' does not support 'high' with this model. {LISTS}'medium'.", "medium"),
        ("'reasoning_effort' : value is not one of the allowed values ['none', 'default', 'low']", "none low"),
        ("`reasoning_effort` must be one of `none` or `default`", "none"),
        ("`reasoning_effort` must be `default`", ""),
        ('invalid reasoning value: "xhigh" (must be "high", "medium", "low", "max", or "none")', "none low medium high max"),
    ],
)
@pytest.mark.parametrize("profile", ["openai-reasoning", "groq"])
def test_the_efforts_that_a_server_lists_are_the_ones_it_gets(message: str, efforts: str, profile: str) -> None:
    assert learnt(openai_refusal(message, "reasoning_effort", "unsupported_value"), profile) == {"efforts": tuple(efforts.split())}


def test_an_effort_that_is_refused_without_a_list_steps_down_twice() -> None:
    error = openai_refusal("Unsupported value: 'reasoning_effort' does not support 'max'.", "reasoning_effort", "unsupported_value")
    profile = replace(PROFILES["ollama"])
    assert learnt(error, profile) == {"efforts": ("low", "medium", "high")}
    assert learnt(error, replace(profile, efforts=("low", "medium", "high"))) == {"reasoning": "none"}


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("openai-reasoning", "Unrecognized request argument supplied: reasoning_effort"),
        ("openai-reasoning", "Unsupported parameter: 'reasoning.effort' is not supported with this model."),
        ("groq", "`reasoning_effort` is not supported with this model"),
        ("ollama", '"llama3" does not support thinking'),
        ("openrouter", "Reasoning is not supported for this model"),
        ("openrouter", "Unrecognized request argument supplied: reasoning"),
        ("deepseek", "Unknown parameter: 'thinking'."),
        ("ollama", "Model grok-4-latest does not support parameter reasoningEffort."),
    ],
)
def test_a_model_that_does_not_think_is_not_asked_to(profile: str, message: str) -> None:
    assert learnt(openai_refusal(message), profile) == {"reasoning": "none"}


def test_a_model_that_must_think_is_not_told_to_stop() -> None:
    error = openai_refusal("Reasoning is mandatory for this endpoint and cannot be disabled.")
    assert learnt(error, "openrouter") == {"efforts": ("minimal", "low", "medium", "high", "xhigh")}


@pytest.mark.parametrize(
    ("profile", "name"), [("groq", "reasoning_format"), ("vllm", "chat_template_kwargs"), ("vllm", "reasoning_effort")]
)
def test_a_part_of_the_wish_is_left_out_alone(profile: str, name: str) -> None:
    assert learnt(openai_refusal(f"property '{name}' is unsupported"), profile) == {"dropped": frozenset({name})}


@pytest.mark.parametrize(
    "message",
    [
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
    ],
)
def test_thinking_goes_back_to_those_who_miss_it(message: str) -> None:
    assert learnt(openai_refusal(message)) == {"echo_reasoning": "reasoning_content", "must_echo_reasoning": True}


@pytest.mark.parametrize(
    "error",
    [
        openai_refusal("'messages.1' : for 'role:assistant' ...[('messages.1' : property 'reasoning_content' is unsupported)]"),
        a_refusal({"detail": [pydantic_error("body", "messages", 3, "assistant", "reasoning_content")]}, 422),
    ],
)
def test_thinking_is_kept_from_those_who_refuse_it(error: UpstreamRefused) -> None:
    assert learnt(error, "deepseek") == {"echo_reasoning": "", "must_echo_reasoning": False}
    assert learnt(error, "llamacpp") == {"echo_reasoning": ""}
    assert learnt(error, "vllm") == {}, "it was not sent"


def test_thinking_under_its_short_name_is_kept_back_too() -> None:
    assert learnt(openai_refusal("property 'reasoning' is unsupported"), "vllm") == {"echo_reasoning": ""}


# Messages and tools


def test_names_of_speakers_are_left_out() -> None:
    body = {"object": "error", "message": {"detail": [pydantic_error("body", "messages", 0, "user", "name")]}}
    assert learnt(a_refusal(body, 422)) == {"message_names": False}


def test_how_closely_to_look_is_left_out_where_that_word_is_refused() -> None:
    body = {"detail": [pydantic_error("body", "messages", 0, "user", "content", 1, "image_url", "image_url", "detail")]}
    assert learnt(a_refusal(body, 422)) == {"dropped": frozenset({"detail"})}
    picture = Message("user", (ImagePart(url="https://x/a.png", detail="low"),))
    (message,) = messages_json([picture], replace(PROFILES["generic"], dropped=frozenset({"detail"})))
    assert message["content"] == [{"type": "image_url", "image_url": {"url": "https://x/a.png"}}]


def test_verbosity_is_left_out_for_models_that_know_no_other() -> None:
    words = "Unsupported value: 'verbosity' does not support 'low' with this model. Supported values are: 'medium'."
    assert learnt(openai_refusal(words, "verbosity", "unsupported_value"), "openai") == {"dropped": frozenset({"verbosity"})}


def test_ids_are_made_as_mistral_wants_them() -> None:
    message = "Tool call id was call_abc but must be a-z, A-Z, 0-9, with a length of 9."
    assert learnt(a_refusal({"object": "error", "message": message, "type": "invalid_request_message_order", "code": "3280"})) == {
        "tool_ids": "alnum9"
    }


def test_nothing_said_is_an_empty_text_for_those_who_want_one() -> None:
    errors = [{"type": "string_type", "loc": ["body", "messages", 1, "content"], "msg": "Input should be a valid string"}]
    assert learnt(a_refusal({"detail": errors}, 422)) == {"no_content": "empty"}


@pytest.mark.parametrize(
    "error",
    [
        a_refusal({"error": "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"}),
        openai_refusal("property 'tool_choice' is unsupported"),
    ],
)
def test_a_tool_is_demanded_by_sending_no_other(error: UpstreamRefused) -> None:
    assert learnt(error) == {"named_tool": "only"}


def test_last_words_are_gone_on_with_as_the_server_wants() -> None:
    assert learnt(openai_refusal("Assistant response prefill is incompatible with enable_thinking.")) == {"prefill": "unthinking"}
    assert learnt(openai_refusal("property 'continue_final_message' is unsupported"), "vllm") == {"prefill": ""}
    body = {"detail": [pydantic_error("body", "messages", 1, "assistant", "prefix")]}
    assert learnt(a_refusal(body, 422), "mistral") == {"prefill": ""}


# Formats


def test_json_needs_its_word() -> None:
    message = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
    assert learnt(openai_refusal(message, "messages"), "vllm") == {"json_word": "say"}


def test_lm_studio_wants_a_schema() -> None:
    error = a_refusal({"error": "'response_format.type' must be 'json_schema' or 'text'"})
    assert learnt(error) == {"json_mode": "json_schema"}
    assert learnt(error, replace(GENERIC, json_schema=False)) == {"json_mode": "prompt"}


@pytest.mark.parametrize(
    "message",
    [
        "This response_format type is unavailable now",
        "Failed to deserialize the JSON body into the target type: response_format: response_format.type `json_schema` is unavailable now",
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
        "This model does not support response format `json_schema`.",
        "Unrecognized request argument supplied: response_format",
    ],
)
def test_a_format_that_is_refused_steps_down_to_words(message: str) -> None:
    error = openai_refusal(message, "response_format")
    assert learnt(error) == {"json_schema": False}
    assert learnt(error, replace(GENERIC, json_schema=False)) == {"json_mode": "prompt"}
    assert learnt(error, replace(GENERIC, json_schema=False, json_mode="prompt")) == {}


def test_any_object_that_is_refused_becomes_a_schema_then_words() -> None:
    error = openai_refusal("response_format json_object is not supported")
    assert learnt(error) == {"json_mode": "json_schema"}
    assert learnt(error, "lmstudio") == {"json_mode": "prompt"}


@pytest.mark.parametrize(("sent", "change"), [("json_schema", {"json_schema": False}), ("json_object", {"json_mode": "json_schema"})])
def test_a_server_that_says_what_it_got_is_not_sent_that(sent: str, change: dict[str, Any]) -> None:
    message = f'response_format type must be one of "text" or "other", but got: {sent}'
    assert learnt(openai_refusal(message)) == change


def test_a_server_of_schemas_that_refuses_them_is_asked_in_words() -> None:
    error = openai_refusal("This response_format type is unavailable now")
    assert learnt(error, "lmstudio") == {"json_schema": False, "json_mode": "prompt"}


def test_formats_that_cannot_stream_do_not() -> None:
    assert learnt(openai_refusal("response_format` does not support streaming")) == {"streams": "unformatted"}


@pytest.mark.parametrize(
    "message",
    [
        "json mode cannot be combined with tool/function calling",
        "'response_format` json_object cannot be combined with tool/function calling",
        "Cannot use custom grammar constraints with tools.",
        "Tools are not supported together with response_format",
    ],
)
def test_formats_that_exclude_tools_go_into_words(message: str) -> None:
    assert learnt(openai_refusal(message)) == {"format_with_tools": False}


def test_two_limits_of_formats_in_one_sentence_are_both_learnt() -> None:
    message = "Streaming and tool use are not currently supported with Structured Outputs"
    assert learnt(openai_refusal(message)) == {"streams": "unformatted", "format_with_tools": False}


def test_a_schema_that_is_not_strict_enough_is_sent_as_a_loose_one() -> None:
    message = "Invalid schema for response_format 'response': In context=(), 'additionalProperties' is required to be supplied."
    assert learnt(openai_refusal(message, "response_format")) == {"strict_schema": False, "passing": frozenset({"strict_schema"})}
    assert learnt(openai_refusal(message, "response_format"), replace(OPENAI, strict_schema=False)) == {}


@pytest.mark.parametrize(
    ("message", "profile"),
    [
        ("Invalid schema for response_format 'n': In context=(), 'minimum' is not permitted.", replace(OPENAI, strict_schema=False)),
        ("response_format: Unsupported keyword 'not' in schema; it is not supported", OPENAI),
        ("Structured outputs: the schema contains features that are not supported by xgrammar", GENERIC),
        ("response_format: the schema is too complex and not supported", PROFILES["lmstudio"]),
    ],
)
def test_a_schema_that_is_refused_says_nothing_of_others(message: str, profile: Profile) -> None:
    error = openai_refusal(message, "response_format")
    assert learnt(error, profile) == {"json_schema": False, "passing": frozenset({"json_schema"})}
    assert learnt(error, replace(profile, json_schema=False)) == {}


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


# Names of tools


@pytest.mark.parametrize(
    "message",
    [
        "Invalid 'tools[0].function.name': string does not match pattern '^[a-zA-Z0-9_-]+$'",
        (
            "Invalid 'messages[1].tool_calls[0].function.name': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$'."
        ),
        "'mcp.server/x' does not match '^[a-zA-Z0-9_-]{1,64}$' - 'tools.0.function.name'",
        "Function name was a.b but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64.",
        (
            "Value 'a/b' at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression "
            "pattern: [a-zA-Z0-9_-]+"
        ),
    ],
)
def test_names_of_tools_that_are_refused_are_spelled_plainly(message: str) -> None:
    assert learnt(openai_refusal(message, "tools[0].function.name", "invalid_value")) == {"plain_names": True}
    assert learnt(openai_refusal(message, "tools[0].function.name", "invalid_value"), "openai") == {}


# Vectors


@pytest.mark.parametrize(
    "message",
    [
        "This model does not support specifying dimensions.",
        'Model "bge" does not support matryoshka representation, changing output dimensions will lead to poor results.',
        "Unrecognized request argument supplied: dimensions",
    ],
)
def test_dimensions_that_are_refused_are_cut_here(message: str) -> None:
    assert learnt(openai_refusal(message)) == {"dimensions": False}


def test_nvidia_is_told_what_texts_are_for() -> None:
    change = learnt(a_refusal({"error": "'input_type' parameter is required for the input model: 'nvidia/nv-embedqa-e5-v5'"}), "nim")
    assert {name: dict(value) for name, value in change.items()} == {"embeddings": {"input_type": "passage"}}


@pytest.mark.parametrize("name", ["encoding_format", "truncate_prompt_tokens", "truncate", "input_type"])
def test_extras_of_vectors_are_left_out(name: str) -> None:
    assert learnt(a_refusal({"detail": [pydantic_error("body", name)]}, 422)) == {"dropped": frozenset({name})}


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
