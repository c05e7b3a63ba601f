"""Sampling and streaming, as each kind of server takes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.canonical.request import ResponseFormat, Sampling, Tool
from proxy.dialects.openai import egress
from proxy.profiles import PROFILES, Profile
from tests.dialects.openai.asking import WEATHER, a_chat_request, body_of, built, said, sampled, to
from tests.dialects.openai.object_schemas import SCHEMA, STRICT

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


@pytest.mark.parametrize("profile", ["openai", "openai-reasoning", "azure", "azure-reasoning", "generic"])
@pytest.mark.parametrize(
    ("tool", "said_of_it"),
    [
        (Tool("f", "", STRICT, strict=True, may_loosen=True), {"strict": True}),
        (Tool("f", "", SCHEMA, strict=True, may_loosen=True), {}),
        (Tool("f", strict=True, may_loosen=True), {}),
        (Tool("f", "", SCHEMA, strict=False, may_loosen=True), {"strict": False}),
        (Tool("f", "", SCHEMA, strict=True), {"strict": True}),
        (Tool("f", "", STRICT), {}),
    ],
)
def test_strictness_that_may_loosen_is_said_of_schemas_that_fulfil_openais_rules(
    profile: str, tool: Tool, said_of_it: dict[str, bool]
) -> None:
    assert {key: value for key, value in sent_of(tool, PROFILES[profile]).items() if key == "strict"} == said_of_it


@pytest.mark.parametrize("profile", ["vllm", "openrouter", "together", "cerebras"])
@pytest.mark.parametrize("schema", [STRICT, SCHEMA, None])
def test_strictness_is_said_to_servers_that_have_other_rules(profile: str, schema: Any) -> None:
    assert sent_of(Tool("f", "", schema, strict=True, may_loosen=True), PROFILES[profile])["strict"] is True


def test_strictness_that_was_refused_is_said_no_more() -> None:
    assert "strict" not in sent_of(Tool("f", "", STRICT, strict=True, may_loosen=True), replace(PROFILES["openai"], strict_schema=False))


def sent_of(tool: Tool, profile: Profile) -> dict[str, Any]:
    """The function, as the server is told of it."""
    (sent,) = built(profile, tools=(tool,))["tools"]
    function: dict[str, Any] = sent["function"]
    return function
