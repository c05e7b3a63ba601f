"""Sampling, format, thinking and streaming, as each kind of server takes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from proxy.canonical.request import Effort, Message, PromptRequest, ResponseFormat, Sampling
from proxy.dialects.openai import egress
from proxy.dialects.openai.strictness import is_strict
from proxy.errors import InvalidRequest, NotSupported
from proxy.profiles import PROFILES
from tests.dialects.openai.asking import WEATHER, a_chat_request, a_prompt_request, body_of, built, called, said, sampled, to

EVERYTHING: dict[str, Any] = {
    "max_tokens": 50,
    "temperature": 0.2,
    "top_p": 0.9,
    "top_k": 40,
    "min_p": 0.05,
    "typical_p": 0.7,
    "seed": 7,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.4,
    "repeat_penalty": 1.1,
    "stop": ("a", "b", "c", "d", "e", "f"),
    "logprobs": True,
    "top_logprobs": 3,
}


def test_nothing_is_sent_that_the_client_did_not_say() -> None:
    for name in PROFILES:
        assert built(name) == {"model": "sent", "messages": [{"role": "user", "content": "Hello"}]}


def test_a_call_says_where_it_goes() -> None:
    call = egress.build_chat(a_chat_request(stream=True), to("generic"))
    assert (call.path, call.method, call.model, call.stream) == ("/chat/completions", "POST", "sent", True)
    assert egress.name == "openai"


def test_who_counts_is_asked_with_what_the_chat_would_be() -> None:
    request = a_chat_request(stream=True, tools=(WEATHER,), sampling=Sampling(temperature=0.5))
    call = egress.build_count(request, to("llamacpp"))
    assert call is not None
    assert (call.path, call.stream, call.model) == ("/chat/completions/input_tokens", False, "sent")
    assert body_of(call.body) == body_of(egress.build_chat(request, to("llamacpp")).body)
    assert egress.read_count(b'{"object":"response.input_tokens","input_tokens":12}') == 12
    assert egress.build_count(request, to("vllm")) is None


OPENAI = {"temperature": 0.2, "top_p": 0.9, "presence_penalty": 0.5, "frequency_penalty": 0.4}
LOGPROBS = {"logprobs": True, "top_logprobs": 3}
FOUR = {"stop": ["a", "b", "c", "d"]}
SIX = {"stop": ["a", "b", "c", "d", "e", "f"]}
LIMIT = {"max_tokens": 50}
VLLM = {"seed": 7, "top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1}


@pytest.mark.parametrize(
    ("profile", "sent"),
    [
        ("generic", OPENAI | {"seed": 7} | FOUR | LIMIT | LOGPROBS),
        ("openai", OPENAI | {"seed": 7} | FOUR | {"max_completion_tokens": 50} | LOGPROBS),
        ("openai-reasoning", {"seed": 7, "max_completion_tokens": 50}),
        ("azure", OPENAI | {"seed": 7} | FOUR | LIMIT | LOGPROBS),
        ("vllm", OPENAI | VLLM | SIX | LIMIT | LOGPROBS),
        ("sglang", OPENAI | VLLM | SIX | LIMIT | LOGPROBS),
        (
            "llamacpp",
            OPENAI | {"seed": 7, "top_k": 40, "min_p": 0.05, "typical_p": 0.7, "repeat_penalty": 1.1} | SIX | LIMIT | LOGPROBS,
        ),
        ("lmstudio", OPENAI | {"seed": 7, "top_k": 40, "repeat_penalty": 1.1} | SIX | LIMIT),
        ("openrouter", OPENAI | VLLM | SIX | LIMIT | LOGPROBS),
        ("deepseek", OPENAI | SIX | LIMIT | LOGPROBS),
        ("groq", {"temperature": 0.2, "top_p": 0.9, "seed": 7} | FOUR | LIMIT),
        ("mistral", OPENAI | {"random_seed": 7} | SIX | LIMIT),
        ("together", OPENAI | VLLM | SIX | LIMIT | LOGPROBS),
        ("nim", OPENAI | {"seed": 7} | SIX | LIMIT | LOGPROBS),
        ("ollama", OPENAI | {"seed": 7} | SIX | LIMIT | LOGPROBS),
    ],
)
def test_all_sampling_goes_under_the_servers_names_or_not_at_all(profile: str, sent: dict[str, Any]) -> None:
    assert sampled(profile, **EVERYTHING) == sent


def test_zero_is_a_value() -> None:
    assert sampled("vllm", temperature=0.0, top_k=0, seed=0) == {"temperature": 0.0, "top_k": 0, "seed": 0}


def test_alternatives_are_not_asked_for_without_the_likelihoods() -> None:
    assert sampled("openai", top_logprobs=3) == {}
    assert sampled("openai", logprobs=True) == {"logprobs": True}


@pytest.mark.parametrize(("profile", "name"), [("generic", "max_tokens"), ("openai", "max_completion_tokens")])
def test_no_longer_answer_is_asked_for_than_there_can_be(profile: str, name: str) -> None:
    known = replace(PROFILES[profile], output_limit=16_384)
    assert sampled(known, max_tokens=32_000) == {name: 16_384}
    assert sampled(replace(known, output_room=100), max_tokens=32_000) == {name: 100}
    assert sampled(known, max_tokens=9) == {name: 9}
    assert sampled(known) == {}


def test_what_was_learnt_is_left_out() -> None:
    profile = replace(PROFILES["generic"], dropped=frozenset({"seed", "max_tokens", "top_p"}))
    assert sampled(profile, **EVERYTHING).keys() == {"temperature", "presence_penalty", "frequency_penalty", "stop", *LOGPROBS}


@pytest.mark.parametrize(("profile", "sent"), [("openai", {"user": "ann"}), ("generic", {})])
def test_the_user_is_named_where_that_is_understood(profile: str, sent: dict[str, str]) -> None:
    body = built(profile, user="ann")
    assert {key: body[key] for key in body.keys() & {"user"}} == sent


OF_OPENAI = {"serviceTier": "flex", "verbosity": "low", "prompt_cache_key": "k", "prompt_cache_retention": "24h"}


@pytest.mark.parametrize("profile", ["openai", "openai-reasoning", "azure", "azure-reasoning", "generic", "vllm", "google"])
def test_what_openai_alone_knows_goes_to_its_own_servers(profile: str) -> None:
    sent = built(profile, extra=OF_OPENAI)
    names = {"service_tier", "verbosity", "prompt_cache_key", "prompt_cache_retention"}
    assert {name: sent[name] for name in names & sent.keys()} == (
        {"service_tier": "flex", "verbosity": "low", "prompt_cache_key": "k", "prompt_cache_retention": "24h"}
        if profile.startswith(("openai", "azure"))
        else {}
    )


def test_what_openai_refuses_of_its_own_is_left_out() -> None:
    profile = replace(PROFILES["openai"], dropped=frozenset({"verbosity"}))
    sent = built(profile, extra=OF_OPENAI)
    assert "verbosity" not in sent
    assert sent["service_tier"] == "flex"


def test_options_of_local_hardware_go_nowhere() -> None:
    body = built("vllm", extra={"num_ctx": 8192, "keep_alive": 5, "num_gpu": 1})
    assert body.keys() == {"model", "messages"}


# Streaming


def test_a_stream_asks_for_its_usage() -> None:
    body = built(stream=True)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.parametrize("profile", ["mistral", "nim"])
def test_usage_is_not_asked_for_where_that_is_refused_or_hangs(profile: str) -> None:
    body = built(profile, stream=True)
    assert body["stream"] is True
    assert "stream_options" not in body


def test_what_cannot_be_streamed_is_asked_for_as_a_whole() -> None:
    silent = replace(PROFILES["generic"], streams="none")
    call = egress.build_chat(a_chat_request(stream=True), to(silent))
    assert not {"stream", "stream_options"} & body_of(call.body).keys()
    assert call.stream, "the client gets a stream all the same"


@pytest.mark.parametrize(("wanted", "streams"), [(None, True), (ResponseFormat("json"), False)])
def test_groq_streams_only_free_text(wanted: ResponseFormat | None, streams: bool) -> None:
    body = built("groq", stream=True, response_format=wanted, messages=(said("user", "json, please"),))
    assert ("stream" in body) == streams


# Format

SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "string"}}, "required": ["b"]}
STRICT = {**SCHEMA, "required": ["b", "a"], "additionalProperties": False}
ANY_OBJECT = {"type": "json_schema", "json_schema": {"name": "response", "schema": {"type": "object"}}}


def format_of(profile: Any, kind: Any = "json_schema", schema: Any = None, say: str = "Hello", **changes: Any) -> tuple[Any, str]:
    """The constraint, and what the system says."""
    body = built(profile, response_format=ResponseFormat(kind, schema), messages=(said("user", say),), **changes)
    return body.get("response_format"), "".join(message["content"] for message in body["messages"] if message["role"] == "system")


def test_a_schema_goes_as_it_came() -> None:
    call = egress.build_chat(a_chat_request(response_format=ResponseFormat("json_schema", SCHEMA)), to("openai"))
    assert call.body is not None
    assert b'"schema":{"type":"object","properties":{"b":{"type":"integer"},"a":{"type":"string"}},"required":["b"]}' in call.body
    assert format_of("openai", schema=SCHEMA) == ({"type": "json_schema", "json_schema": {"name": "response", "schema": SCHEMA}}, "")


def test_a_schema_is_called_strict_when_it_is() -> None:
    constraint, _ = format_of("openai", schema=STRICT)
    assert constraint["json_schema"] == {"name": "response", "schema": STRICT, "strict": True}


@pytest.mark.parametrize("strict", [True, False])
def test_what_the_client_says_of_strictness_counts(strict: bool) -> None:
    body = built("openai", response_format=ResponseFormat("json_schema", STRICT, name="mine", strict=strict))
    assert body["response_format"]["json_schema"] == {"name": "mine", "schema": STRICT, "strict": strict}


def test_strictness_that_was_refused_is_not_claimed_again() -> None:
    constraint, _ = format_of(replace(PROFILES["openai"], strict_schema=False), schema=STRICT)
    assert "strict" not in constraint["json_schema"]


def test_json_is_an_object() -> None:
    assert format_of("vllm", "json") == ({"type": "json_object"}, "")


@pytest.mark.parametrize("profile", ["openai", "azure", "openai-reasoning"])
@pytest.mark.parametrize(("say", "constraint"), [("Hello", ANY_OBJECT), ("As JSON!", {"type": "json_object"})])
def test_json_without_the_word_is_a_schema_where_the_word_is_needed(profile: str, say: str, constraint: Any) -> None:
    assert format_of(profile, "json", say=say) == (constraint, "")


def test_lm_studio_knows_schemas_only() -> None:
    assert format_of("lmstudio", "json") == (ANY_OBJECT, "")


def test_deepseek_gets_a_schema_in_words() -> None:
    constraint, system = format_of("deepseek", schema=SCHEMA)
    assert constraint == {"type": "json_object"}
    assert system.startswith("Answer with JSON that conforms to this JSON schema")
    assert '{"type":"object","properties":{"b":{"type":"integer"}' in system


@pytest.mark.parametrize("profile", ["deepseek", "groq", "generic", replace(PROFILES["openai"], json_schema=False)])
def test_the_word_is_said_where_it_is_needed_and_schemas_are_not_for_sure(profile: Any) -> None:
    constraint, system = format_of(profile, "json")
    assert (constraint, system) == ({"type": "json_object"}, "Answer with one JSON object, and with nothing else.")
    assert format_of(profile, "json", say="json?") == ({"type": "json_object"}, "")


@pytest.mark.parametrize("schema", [None, SCHEMA])
@pytest.mark.parametrize("changes", [{"json_mode": "prompt", "json_schema": False}, {"dropped": frozenset({"response_format"})}])
def test_a_format_that_nobody_constrains_is_asked_for(schema: Any, changes: dict[str, Any]) -> None:
    constraint, system = format_of(replace(PROFILES["generic"], **changes), "json_schema" if schema else "json", schema)
    assert constraint is None
    assert "Answer with " in system


def test_a_format_that_excludes_tools_is_asked_for_in_words_beside_them() -> None:
    constraint, system = format_of("groq", schema=SCHEMA, tools=(WEATHER,))
    assert constraint is None
    assert system.startswith("Unless you call a tool, answer with JSON")
    assert format_of("groq", schema=SCHEMA)[0] is not None, "alone it is a constraint"


def test_instructions_follow_what_the_system_says_already() -> None:
    conversation = (said("system", "Be brief."), said("user", "Hello"))
    body = built("deepseek", response_format=ResponseFormat("json"), messages=conversation)
    assert body["messages"][0] == {"role": "system", "content": "Be brief.\n\nAnswer with one JSON object, and with nothing else."}
    assert len(body["messages"]) == 2


def test_a_schema_where_only_the_object_of_any_kind_is_known_is_told_in_words_as_well() -> None:
    profile = replace(PROFILES["generic"], json_mode="json_schema", json_schema=False)
    constraint, system = format_of(profile, schema=SCHEMA)
    assert constraint == ANY_OBJECT
    assert "conforms to this JSON schema" in system


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (STRICT, True),
        (SCHEMA, False),
        ({**STRICT, "required": ["a"]}, False),
        ({**STRICT, "required": ["a", "b", "c"]}, False),
        ({**STRICT, "required": "ab"}, False),
        ({**STRICT, "additionalProperties": True}, False),
        ({"type": "object"}, False),
        ({"type": "object", "properties": {}, "required": [], "additionalProperties": False}, True),
        ({"type": "array", "items": STRICT}, False),
        ({"anyOf": [STRICT]}, False),
        ({**STRICT, "properties": {"a": STRICT, "b": {"type": "array", "items": STRICT}}}, True),
        ({**STRICT, "properties": {"a": SCHEMA, "b": STRICT}}, False),
        ({**STRICT, "properties": {"a": {"type": "array", "items": SCHEMA}, "b": STRICT}}, False),
        ({**STRICT, "properties": {"a": {"anyOf": [STRICT, {"type": "null"}]}, "b": {"enum": [1]}}}, True),
        ({**STRICT, "properties": {"a": {"anyOf": [SCHEMA]}, "b": {"const": 1}}}, False),
        ({**STRICT, "properties": {"a": {"anyOf": {}}, "b": {"const": 1}}}, False),
        ({**STRICT, "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"type": ["string", "null"]}}, "$defs": {"x": STRICT}}, True),
        ({**STRICT, "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"type": "string"}}, "$defs": {"x": SCHEMA}}, False),
        ({**STRICT, "properties": {"a": {"$ref": "#", "description": "x"}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {"type": ["object", "null"]}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {"type": "string", "default": "x"}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {"oneOf": []}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": {}, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": {"a": True, "b": {"type": "string"}}}, False),
        ({**STRICT, "properties": []}, False),
        ({**STRICT, "$defs": []}, False),
    ],
)
def test_strict_schemas_are_told_from_loose_ones(schema: Any, strict: bool) -> None:
    assert is_strict(schema) is strict


def test_a_schema_that_is_too_deep_is_not_strict() -> None:
    schema: Any = {"type": "string"}
    for _ in range(400):
        schema = {"type": "array", "items": schema}
    assert not is_strict({**STRICT, "properties": {"a": schema, "b": {"type": "string"}}})


# Thinking


def thinking(profile: Any, effort: Effort | None) -> dict[str, Any]:
    return {key: value for key, value in built(profile, reasoning=effort).items() if key not in ("model", "messages")}


@pytest.mark.parametrize("profile", PROFILES)
def test_thinking_is_nobodys_business_unless_the_client_speaks_of_it(profile: str) -> None:
    assert thinking(profile, None) == {}


@pytest.mark.parametrize("profile", ["generic", "openai", "azure", "lmstudio", "mistral", "together", "nim"])
@pytest.mark.parametrize("effort", get_args(Effort))
def test_thinking_is_not_spoken_of_to_those_who_refuse_the_word(profile: str, effort: Effort) -> None:
    assert thinking(profile, effort) == {}


def kwargs(thinks: bool, effort: str = "") -> dict[str, Any]:
    graded = {"reasoning_effort": effort} if effort else {}
    return {"chat_template_kwargs": {"enable_thinking": thinks, "thinking": thinks, **graded}}


@pytest.mark.parametrize(
    ("profile", "effort", "sent"),
    [
        ("openai-reasoning", "on", {}),
        ("openai-reasoning", "low", {"reasoning_effort": "low"}),
        ("openai-reasoning", "max", {"reasoning_effort": "high"}),
        ("openai-reasoning", "minimal", {"reasoning_effort": "low"}),
        ("openai-reasoning", "off", {"reasoning_effort": "low"}),
        ("vllm", "on", kwargs(True)),
        ("vllm", "off", kwargs(False)),
        ("vllm", "high", kwargs(True, "high") | {"reasoning_effort": "high"}),
        ("vllm", "max", kwargs(True, "high") | {"reasoning_effort": "high"}),
        ("llamacpp", "off", kwargs(False)),
        ("llamacpp", "minimal", kwargs(True, "low")),
        ("openrouter", "on", {"reasoning": {"enabled": True}}),
        ("openrouter", "off", {"reasoning": {"enabled": False}}),
        ("openrouter", "medium", {"reasoning": {"effort": "medium"}}),
        ("openrouter", "max", {"reasoning": {"effort": "xhigh"}}),
        ("deepseek", "on", {"thinking": {"type": "enabled"}}),
        ("deepseek", "low", {"thinking": {"type": "enabled"}}),
        ("deepseek", "off", {"thinking": {"type": "disabled"}}),
        ("groq", "on", {"reasoning_format": "parsed"}),
        ("groq", "high", {"reasoning_format": "parsed", "reasoning_effort": "high"}),
        ("groq", "off", {"reasoning_format": "hidden", "reasoning_effort": "none"}),
        ("ollama", "off", {"reasoning_effort": "none"}),
        ("ollama", "max", {"reasoning_effort": "max"}),
        ("ollama", "xhigh", {"reasoning_effort": "high"}),
    ],
)
def test_thinking_is_graded_in_the_servers_words(profile: str, effort: Effort, sent: dict[str, Any]) -> None:
    assert thinking(profile, effort) == sent


@pytest.mark.parametrize(
    ("efforts", "effort", "word"),
    [
        (("none", "low"), "off", "none"),
        (("minimal", "medium"), "off", "minimal"),
        (("medium", "high"), "off", None),
        (("high",), "low", None),
        (("medium",), "low", "medium"),
        (("medium",), "max", "medium"),
        (("low",), "max", None),
        (("high",), "xhigh", "high"),
        (("low", "high"), "medium", None),
        ((), "medium", None),
    ],
)
def test_an_effort_steps_towards_the_middle(efforts: tuple[str, ...], effort: Effort, word: str | None) -> None:
    profile = replace(PROFILES["openai-reasoning"], efforts=efforts)
    assert thinking(profile, effort).get("reasoning_effort") == word


def test_openrouter_is_not_told_an_effort_that_its_model_lacks() -> None:
    profile = replace(PROFILES["openrouter"], efforts=("high",))
    assert thinking(profile, "off") == {}
    assert thinking(profile, "max") == {"reasoning": {"effort": "high"}}


def test_learnt_fields_of_thinking_are_left_out() -> None:
    assert thinking(replace(PROFILES["groq"], dropped=frozenset({"reasoning_format"})), "high") == {"reasoning_effort": "high"}
    assert thinking(replace(PROFILES["vllm"], dropped=frozenset({"chat_template_kwargs"})), "on") == {}


# The model's own last words


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


# Plain texts


def prompted(profile: Any = "generic", **changes: Any) -> tuple[str, dict[str, Any]]:
    call = egress.build_prompt(a_prompt_request(**changes), to(profile))
    return call.path, body_of(call.body)


def test_a_prompt_goes_to_completions() -> None:
    assert prompted() == ("/completions", {"model": "sent", "prompt": "def f("})


def test_a_suffix_goes_along() -> None:
    assert prompted(suffix="return x")[1]["suffix"] == "return x"
    assert prompted(suffix="")[1]["suffix"] == ""


def test_mistral_fills_in_the_middle_elsewhere() -> None:
    path, body = prompted("mistral", suffix="return x", sampling=Sampling(seed=7, max_tokens=9))
    assert path == "/fim/completions"
    assert body == {"model": "sent", "prompt": "def f(", "suffix": "return x", "random_seed": 7, "max_tokens": 9}


def test_a_server_that_only_chats_is_told_it_as_a_users_words() -> None:
    path, body = prompted("groq", sampling=Sampling(9))
    assert (path, body["messages"]) == ("/chat/completions", [{"role": "user", "content": "def f("}])


def test_a_server_that_only_chats_takes_no_finished_prompt() -> None:
    with pytest.raises(NotSupported, match="only chats") as refused:
        prompted("groq", is_finished=True)
    assert (refused.value.status, refused.value.param) == (400, "raw")
    assert prompted("vllm", is_finished=True)[0] == "/completions"


@pytest.mark.parametrize("profile", ["llamacpp", "lmstudio", "groq"])
def test_a_suffix_that_would_be_dropped_in_silence_is_refused(profile: str) -> None:
    with pytest.raises(InvalidRequest, match='"asked" does not support insert'):
        prompted(profile, suffix="")


def test_a_prompt_is_limited_by_its_old_name_and_streams() -> None:
    sampling = Sampling(max_tokens=9, temperature=0.5, stop=("x",))
    _, body = prompted("openai", stream=True, sampling=sampling, user="ann")
    assert body == {
        "model": "sent",
        "prompt": "def f(",
        "temperature": 0.5,
        "stop": ["x"],
        "user": "ann",
        "max_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(("top", "sent"), [(None, 1), (0, 1), (4, 4)])
def test_likelihoods_of_a_prompt_are_a_number(top: int | None, sent: int) -> None:
    assert prompted(sampling=Sampling(logprobs=True, top_logprobs=top))[1]["logprobs"] == sent
    assert "logprobs" not in prompted("lmstudio", sampling=Sampling(logprobs=True))[1]


def test_a_prompt_is_no_chat() -> None:
    assert isinstance(a_prompt_request(), PromptRequest)
    assert "messages" not in prompted("deepseek")[1]


@pytest.mark.parametrize("name", PROFILES)
def test_integers_of_schemas_keep_all_their_digits(name: str) -> None:
    """As a constraint and in words."""
    wanted = ResponseFormat("json_schema", schema={"type": "object", "properties": {"n": {"maximum": (1 << 64) + 1}}})
    assert b"18446744073709551617}" in (egress.build_chat(a_chat_request(response_format=wanted), to(name)).body or b"")


@pytest.mark.parametrize("levels", [300, 1000])
@pytest.mark.parametrize("profile", ["deepseek", "openai", "generic"])
def test_a_schema_that_is_too_deep_to_be_written_is_the_clients_mistake(profile: str, levels: int) -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"x": schema}, "required": ["x"], "additionalProperties": False}
    with pytest.raises(InvalidRequest, match="can't be written as JSON"):
        built(profile, response_format=ResponseFormat("json_schema", schema))
