"""Everything in a request to Anthropic but its messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.canonical.request import PromptRequest, ReasoningPart, ResponseFormat, Sampling, Tool
from proxy.dialects.anthropic import egress
from proxy.dialects.anthropic.support import UPSTREAM_FEATURES
from proxy.errors import InvalidRequest, NotSupported
from proxy.profiles import PROFILES
from proxy.support import FEATURES
from tests.dialects.anthropic.asking import NEWEST, WEATHER, a_chat, answered, built, called, claude_refusal, judge, said, sampled, to

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FORMAT = ResponseFormat("json_schema", SCHEMA)
NAMED = {"type": "function", "function": {"name": "get_weather"}}


def test_a_request_says_no_more_than_it_must() -> None:
    assert built("claude-4.5", stream=True) == {
        "model": "sent",
        "max_tokens": 64_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "stream": True,
    }


def test_the_call_goes_to_messages() -> None:
    call = egress.build_chat(a_chat(stream=True), to("anthropic"))
    assert (call.path, call.method, call.model, call.stream) == ("/v1/messages", "POST", "sent", True)


# Limits


@pytest.mark.parametrize(
    ("profile", "asked", "said_limit"),
    [("anthropic", None, 8192), ("anthropic", 100_000, 100_000), ("claude-4", None, 32_000), ("claude-4", 50_000, 32_000), (NEWEST, 0, 1)],
)
def test_a_limit_is_always_said_and_never_more_than_the_model_can_write(profile: str, asked: int | None, said_limit: int) -> None:
    assert sampled(profile, max_tokens=asked) == {"max_tokens": said_limit}


# Sampling


def test_sampling_that_anthropic_does_not_know_is_left_out() -> None:
    everything = Sampling(10, 0.5, 0.9, 40, 0.1, 0.1, 7, 1.0, 1.0, 1.1, ("END",))
    assert built("anthropic", sampling=everything) | {"model": "", "messages": []} == {
        "model": "",
        "messages": [],
        "max_tokens": 10,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stop_sequences": ["END"],
    }


def test_temperatures_end_at_1() -> None:
    assert sampled("claude-3", temperature=1.5)["temperature"] == 1


def test_claude_4_takes_one_of_temperature_and_top_p() -> None:
    assert sampled("claude-4", temperature=0.5, top_p=0.9).keys() == {"temperature", "max_tokens"}
    assert sampled("claude-4", top_p=0.9).keys() == {"top_p", "max_tokens"}


def test_newer_models_get_no_sampling() -> None:
    assert sampled(NEWEST, temperature=0.5, top_p=0.9, top_k=3).keys() == {"max_tokens"}


def test_stop_sequences_of_white_space_are_not_sent() -> None:
    assert sampled("anthropic", stop=("\n", "END", " "))["stop_sequences"] == ["END"]
    assert "stop_sequences" not in sampled("anthropic", stop=("\n",))


def test_log_probabilities_are_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        sampled("anthropic", logprobs=True)
    assert refusal.value.param == "logprobs"


def test_who_asks_is_told() -> None:
    assert built(user="u1")["metadata"] == {"user_id": "u1"}
    assert "metadata" not in built(replace(PROFILES["anthropic"], dropped=frozenset({"metadata"})), user="u1")


# Tools


def test_tools_keep_their_schemas() -> None:
    assert built(tools=(WEATHER, Tool("f")))["tools"] == [
        {"name": "get_weather", "description": "Tells the weather", "input_schema": WEATHER.parameters},
        {"name": "f", "input_schema": {"type": "object", "properties": {}}},
    ]


def test_choices_at_the_top_of_a_schema_become_properties_and_words() -> None:
    branches = [
        {"type": "object", "properties": {"a": {"type": "string"}, "c": {}}, "required": ["a", "c"]},
        {"properties": {"b": {"type": "string"}}, "required": ["b", "c"]},
    ]
    (tool,) = built(tools=(Tool("f", "does", {"anyOf": branches}),))["tools"]
    assert tool["input_schema"] == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "c": {}, "b": {"type": "string"}},
        "required": ["c"],
    }
    assert tool["description"].startswith("does\n\nThe arguments must conform to {")
    (tool,) = built(tools=(Tool("f", "", {"allOf": branches, "required": ["d"]}),))["tools"]
    assert tool["input_schema"]["required"] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("wanted", "parallel", "choice"),
    [
        (None, None, None),
        ("auto", None, {"type": "auto"}),
        ("none", False, {"type": "none"}),
        ("required", None, {"type": "any"}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        (NAMED, None, {"type": "tool", "name": "get_weather"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, None),
    ],
)
def test_whether_to_call_is_said_in_anthropics_words(wanted: Any, parallel: bool | None, choice: object) -> None:
    assert built(tools=(WEATHER,), tool_choice=wanted, parallel_tool_calls=parallel).get("tool_choice") == choice


def test_nothing_is_said_of_calls_without_tools() -> None:
    assert not built(tool_choice="required", parallel_tool_calls=False).keys() & {"tools", "tool_choice"}


def test_calls_are_not_demanded_of_models_that_refuse_that() -> None:
    assert built("claude-5.1", tools=(WEATHER,), tool_choice=NAMED)["tool_choice"] == {"type": "auto"}


def test_tools_are_strict_where_anthropic_takes_their_schema_as_it_is() -> None:
    closed = {**SCHEMA, "additionalProperties": False}
    strict = built(NEWEST, tools=(Tool("f", "", closed, strict=True), Tool("g", "", SCHEMA, strict=True), Tool("h", "", closed)))["tools"]
    assert [tool.get("strict") for tool in strict] == [True, None, None]
    assert "strict" not in built("anthropic", tools=(Tool("f", "", closed, strict=True),))["tools"][0]


def test_models_without_tools_refuse_them() -> None:
    with pytest.raises(InvalidRequest, match="does not support tools"):
        built(replace(PROFILES["anthropic"], tools=False), tools=(WEATHER,))


# Thinking


@pytest.mark.parametrize(
    ("effort", "budget", "thinking", "word"),
    [
        ("high", None, {"type": "adaptive", "display": "summarized"}, "high"),
        ("minimal", None, {"type": "adaptive", "display": "summarized"}, "low"),
        ("max", None, {"type": "adaptive", "display": "summarized"}, "max"),
        ("on", None, {"type": "adaptive", "display": "summarized"}, None),
        (None, 3000, {"type": "adaptive", "display": "summarized"}, "medium"),
        ("off", None, {"type": "disabled"}, None),
        (None, 0, {"type": "disabled"}, None),
        (None, None, None, None),
    ],
)
def test_newer_models_are_told_an_effort(effort: Any, budget: int | None, thinking: object, word: str | None) -> None:
    body = built(NEWEST, reasoning=effort, reasoning_budget=budget)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == word


def test_thoughts_can_be_hidden() -> None:
    assert built(NEWEST, reasoning="on", hides_reasoning=True)["thinking"]["display"] == "omitted"


def test_models_that_must_think_are_asked_for_little() -> None:
    body = built("claude-thinker", reasoning="off")
    assert "thinking" not in body
    assert body["output_config"] == {"effort": "low"}


@pytest.mark.parametrize(
    ("effort", "budget", "limit", "said_budget", "said_limit"),
    [
        ("high", None, 2000, 4096, 6096),
        ("low", None, None, 1024, 64_000),
        ("on", 10_000, 500, 10_000, 10_500),
        ("on", 10, 500, 1024, 1524),
        ("max", None, 60_000, 16_384, 60_000),
        ("on", 4096, 8000, 4096, 8000),
        ("on", 4096, 4096, 4096, 8192),
        ("on", 60_000, 60_000, 60_000, 64_000),
        ("on", 200_000, None, 62_976, 64_000),
    ],
)
def test_older_models_are_told_a_budget_below_the_limit(
    effort: Any, budget: int | None, limit: int | None, said_budget: int, said_limit: int
) -> None:
    body = built("claude-4.5", reasoning=effort, reasoning_budget=budget, sampling=Sampling(limit, temperature=0.5, top_p=1, top_k=2))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": said_budget}
    assert body["max_tokens"] == said_limit
    assert not body.keys() & {"temperature", "top_p", "top_k"}


def test_thinking_makes_a_call_a_matter_of_choice() -> None:
    assert built("claude-4.5", reasoning="high", tools=(WEATHER,), tool_choice="required")["tool_choice"] == {"type": "auto"}


def test_older_models_do_not_think_in_the_midst_of_calls_that_they_did_not_think_before() -> None:
    thought = ReasoningPart("hm", "sig", "anthropic")
    before = said("user", "a")
    with_thought = (before, said("assistant", thought, called("c")), answered("c", "b"))
    assert "thinking" in built("claude-4.5", reasoning="on", messages=with_thought)
    without = (before, said("assistant", called("c")), answered("c", "b"))
    assert "thinking" not in built("claude-4.5", reasoning="on", messages=without)
    assert "thinking" in built("claude-4.5", reasoning="on", messages=(*without, said("assistant", "b"), said("user", "c")))
    assert "thinking" in built("claude-4.6", reasoning="on", messages=without)


def test_older_models_do_not_think_before_words_that_they_go_on_with() -> None:
    assert "thinking" not in built("claude-4.5", reasoning="on", messages=(said("user", "a"), said("assistant", "b")))


def test_models_that_do_not_think_are_told_nothing_of_it() -> None:
    assert not built("claude-3", reasoning="high").keys() & {"thinking", "output_config"}


# Formats


def test_an_answer_is_bound_by_a_closed_schema() -> None:
    assert built(NEWEST, response_format=FORMAT, reasoning="low")["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": False}},
    }


def test_an_answer_is_a_call_where_nothing_binds_it() -> None:
    body = built("anthropic", response_format=FORMAT)
    assert body["tools"] == [
        {"name": "answer_in_json_", "description": "Give your answer as the arguments of this tool.", "input_schema": SCHEMA}
    ]
    assert body["tool_choice"] == {"type": "tool", "name": "answer_in_json_", "disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    "changes",
    [
        {"response_format": ResponseFormat("json")},
        {"response_format": FORMAT, "tools": (WEATHER,)},
        {"response_format": FORMAT, "reasoning": "high"},
        {"response_format": ResponseFormat("json_schema", {"type": "array", "items": {}})},
        {"response_format": FORMAT, "messages": (said("user", "a"), said("assistant", called("c")), answered("c", "b"))},
    ],
)
def test_an_answer_is_asked_for_in_words_where_nothing_else_is_left(changes: dict[str, Any]) -> None:
    body = built("claude-4", **changes)
    assert "JSON" in body["system"][-1]["text"]
    assert "output_config" not in body
    assert body.get("tool_choice") in (None, {"type": "none"})


# Others


def test_a_plain_text_is_what_a_user_says() -> None:
    prompt = PromptRequest("asked", "Once", stream=True, sampling=Sampling(5, stop=("END",)), user="u")
    body = orjson.loads(egress.build_prompt(prompt, to("claude-4.5")).body or b"")
    judge(body)
    assert body == {
        "model": "sent",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Once"}]}],
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
        "stream": True,
    }


def test_a_finished_prompt_is_refused_as_a_wrong_request() -> None:
    with pytest.raises(NotSupported, match="only chats") as refused:
        egress.build_prompt(PromptRequest("asked", "<s>Once", is_finished=True), to("anthropic"))
    assert (refused.value.status, refused.value.param) == (400, "raw")


def test_a_gap_is_not_filled() -> None:
    with pytest.raises(InvalidRequest, match="does not support insert"):
        egress.build_prompt(PromptRequest("asked", "a", suffix="b"), to("anthropic"))


def test_counting_asks_with_what_counts() -> None:
    chat = a_chat(messages=(said("system", "s"), said("user", "a")), tools=(WEATHER,), sampling=Sampling(9, 0.5, stop=("x",)), stream=True)
    call = egress.build_count(chat, to("anthropic"))
    assert call.path == "/v1/messages/count_tokens"
    assert orjson.loads(call.body or b"").keys() == {"model", "system", "messages", "tools"}
    assert egress.read_count(b'{"input_tokens":12}') == 12


def test_there_are_no_embeddings() -> None:
    asked = EmbeddingsRequest("asked", ("a",))
    with pytest.raises(NotSupported):
        egress.build_embeddings(asked, to("anthropic"))
    with pytest.raises(NotSupported):
        egress.read_embeddings(b"{}", asked)
    assert egress.shorten(asked, claude_refusal("too long")) is None


def test_keys_are_shown_where_servers_look_for_them() -> None:
    assert egress.key_headers("sk-ant-api03-x", "api.anthropic.com") == {"x-api-key": "sk-ant-api03-x"}
    assert egress.key_headers("sk-ant-oat01-x", "api.anthropic.com") == {"Authorization": "Bearer sk-ant-oat01-x"}
    assert egress.key_headers("k", "a.example") == {"x-api-key": "k", "Authorization": "Bearer k"}
    assert egress.headers["anthropic-version"] == "2023-06-01"


def test_the_table_says_of_every_feature_what_becomes_of_it() -> None:
    assert UPSTREAM_FEATURES.keys() == FEATURES.keys()
    assert all(not support.feature for support in UPSTREAM_FEATURES.values())
    assert all(support.note for support in UPSTREAM_FEATURES.values() if support.outcome in ("approximated", "dropped", "refused"))
