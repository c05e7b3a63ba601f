"""Everything in a request but its messages. Google's own types judge each body that is built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.canonical.request import PromptRequest, ResponseFormat, Sampling, Tool
from proxy.dialects.gemini import egress
from proxy.errors import InvalidRequest, NotSupported
from proxy.profiles import PROFILES
from proxy.routing import profile_of
from tests.dialects.gemini.asking import CITY, WEATHER, a_chat_request, body_of, built, config, judge, said, sampled, to


def test_a_chat_is_asked_for_by_the_name_in_the_path() -> None:
    call = egress.build_chat(a_chat_request(), to(model="gemini-3-flash"))
    assert (call.path, call.query, call.stream, call.model, call.method) == (
        "/v1beta/models/gemini-3-flash:generateContent",
        "",
        False,
        "gemini-3-flash",
        "POST",
    )
    assert body_of(call.body) == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    call = egress.build_chat(a_chat_request(stream=True), to(model="tunedModels/x"))
    assert (call.path, call.query, call.stream) == ("/v1beta/tunedModels/x:streamGenerateContent", "alt=sse", True)


def test_the_key_is_shown_in_googles_header() -> None:
    assert egress.key_headers("k", "example.org") == {"x-goog-api-key": "k"}
    assert egress.key_headers("", "example.org") == egress.headers == {}


def test_sampling_has_googles_names_and_what_it_does_not_know_is_left_out() -> None:
    assert sampled(
        max_tokens=7, temperature=0.5, top_p=0.9, top_k=40, seed=3, presence_penalty=1.0, frequency_penalty=0.5, stop=("a", "b")
    ) == {
        "maxOutputTokens": 7,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "seed": 3,
        "presencePenalty": 1.0,
        "frequencyPenalty": 0.5,
        "stopSequences": ["a", "b"],
    }
    assert sampled(min_p=0.1, typical_p=0.5, repeat_penalty=1.1) == {}
    assert len(sampled(stop=tuple("abcdefg"))["stopSequences"]) == 5


@pytest.mark.parametrize(
    ("limits", "sent"), [({}, 128_000), ({"output_limit": 65_536}, 65_536), ({"output_limit": 9, "output_room": 7}, 7)]
)
def test_no_longer_answer_is_asked_for_than_there_can_be(limits: dict[str, Any], sent: int) -> None:
    assert sampled(replace(PROFILES["gemini"], **limits), max_tokens=128_000) == {"maxOutputTokens": sent}


@pytest.mark.parametrize(("seed", "sent"), [(2**31 - 1, 2**31 - 1), (-1, -1), (2**31, 0), (2**40 + 5, 5), (-(2**31) - 1, 2**31 - 1)])
def test_a_seed_fits_in_32_bits(seed: int, sent: int) -> None:
    assert sampled(seed=seed) == {"seed": sent}


def test_what_only_gemini_knows_stands_beside_the_sampling() -> None:
    options = {
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "cachedContent": "cachedContents/1",
        "labels": {"team": "a"},
        "serviceTier": "flex",
    }
    body = built(extra=options | {"num_ctx": 4096}, sampling=Sampling(top_k=3))
    assert body == {"contents": body["contents"], "generationConfig": {"topK": 3}, **options}
    assert "serviceTier" not in built(replace(PROFILES["gemini"], dropped=frozenset({"serviceTier"})), extra=options)


@pytest.mark.parametrize("tier", ["auto", "default", "scale", "fast"])
def test_openais_own_tiers_stay_behind(tier: str) -> None:
    assert "serviceTier" not in built(extra={"serviceTier": tier})


def test_log_probabilities_are_asked_for() -> None:
    assert sampled(logprobs=True) == {"responseLogprobs": True}
    assert sampled(logprobs=True, top_logprobs=50) == {"responseLogprobs": True, "logprobs": 20}
    assert sampled(logprobs=False, top_logprobs=5) == {}


# Tools


def test_tools_are_one_list_with_their_schemas_as_they_came() -> None:
    body = built(tools=(WEATHER, Tool("now"), Tool("later", parameters={"type": "object", "properties": {}})))
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "get_weather", "description": "Tells the weather", "parametersJsonSchema": CITY},
                {"name": "now"},
                {"name": "later"},
            ]
        }
    ]
    assert "toolConfig" not in body


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "object", "properties": {}, "additionalProperties": False}, False),
        ({"type": "object", "properties": {}, "title": "later_args", "required": []}, False),
        ({"type": "object", "properties": {}, "additionalProperties": True}, True),
        ({"type": "object", "additionalProperties": {"type": "string"}}, True),
    ],
)
def test_a_function_without_arguments_has_no_schema(schema: dict[str, Any], told: bool) -> None:
    ((declared,),) = (tools["functionDeclarations"] for tools in built(tools=(Tool("later", parameters=schema),))["tools"])
    assert declared == {"name": "later"} | ({"parametersJsonSchema": schema} if told else {})


def test_older_models_get_schemas_of_openapi() -> None:
    (tools,) = built("gemini-2.0", tools=(WEATHER, Tool("any", parameters={"type": "object", "additionalProperties": True})))["tools"]
    first, second = tools["functionDeclarations"]
    assert first["parameters"] == {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
    assert second == {"name": "any"}


def test_what_stands_beside_a_reference_is_left_out() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A", "description": "x"}}, "$defs": {"A": {"type": "string"}}}
    (tools,) = built(tools=(Tool("f", parameters=schema),))["tools"]
    (declared,) = tools["functionDeclarations"]
    assert declared["parametersJsonSchema"] == schema | {"properties": {"a": {"$ref": "#/$defs/A"}}}


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        ("none", {"mode": "NONE"}),
        ("auto", {"mode": "AUTO"}),
        ("required", {"mode": "ANY"}),
        ({"type": "function", "function": {"name": "get_weather"}}, {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
        ({"type": "function", "function": {"name": "7zip"}}, {"mode": "ANY", "allowedFunctionNames": ["esc.7zip"]}),
        ({"type": "function"}, {"mode": "ANY"}),
    ],
)
def test_whether_a_tool_must_be_called(choice: Any, calling: dict[str, Any]) -> None:
    assert built(tools=(WEATHER,), tool_choice=choice)["toolConfig"] == {"functionCallingConfig": calling}
    assert "toolConfig" not in built(tool_choice=choice)


def test_a_model_without_tools_says_so() -> None:
    with pytest.raises(InvalidRequest, match="does not support tools"):
        built(replace(PROFILES["gemini"], tools=False), tools=(WEATHER,))


# Formats

JSON = ResponseFormat("json")
SCHEMA = ResponseFormat("json_schema", CITY)
OPENAPI = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}


@pytest.mark.parametrize(
    ("profile", "wanted", "tools", "constraint", "in_words"),
    [
        ("gemini", JSON, (), {"responseMimeType": "application/json"}, False),
        ("gemini", SCHEMA, (), {"responseMimeType": "application/json", "responseJsonSchema": CITY}, False),
        ("gemini", SCHEMA, (WEATHER,), {"responseMimeType": "application/json", "responseJsonSchema": CITY}, False),
        ("gemini-2.5", SCHEMA, (), {"responseMimeType": "application/json", "responseJsonSchema": CITY}, False),
        ("gemini-2.5", SCHEMA, (WEATHER,), {}, True),
        ("gemini-2.0", SCHEMA, (), {"responseMimeType": "application/json", "responseSchema": OPENAPI}, False),
        ("gemma", SCHEMA, (), {}, True),
        ("gemma", JSON, (), {}, True),
    ],
)
def test_a_format_is_a_constraint_where_it_can_be_and_words_elsewhere(
    profile: str, wanted: ResponseFormat, tools: tuple[Tool, ...], constraint: dict[str, Any], in_words: bool
) -> None:
    body = built(profile, response_format=wanted, tools=tools, messages=(said("system", "S"), said("user", "hi")))
    assert body.get("generationConfig", {}) == constraint
    told = [*body.get("systemInstruction", {}).get("parts", []), *body["contents"][0]["parts"]]
    assert any("JSON" in part["text"] for part in told) == in_words
    assert any(part["text"] == "S" for part in told)


def test_a_schema_in_words_comes_with_the_json_mode_where_only_that_is_known() -> None:
    body = built(replace(PROFILES["gemini"], json_schema=False), response_format=SCHEMA)
    assert body["generationConfig"] == {"responseMimeType": "application/json"}
    assert '"city"' in body["systemInstruction"]["parts"][0]["text"]


# Thinking


@pytest.mark.parametrize(
    ("profile", "wish", "thinking"),
    [
        ("gemini", {}, None),
        ("gemini", {"reasoning": "off"}, {"thinkingLevel": "MINIMAL"}),
        ("gemini", {"reasoning": "minimal"}, {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        ("gemini", {"reasoning": "medium"}, {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini", {"reasoning": "max"}, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini", {"reasoning": "on"}, {"includeThoughts": True}),
        ("gemini", {"reasoning": "on", "hides_reasoning": True}, None),
        ("gemini", {"reasoning": "on", "reasoning_budget": 1500}, {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini", {"reasoning": "high", "reasoning_budget": 1500}, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini", {"reasoning_budget": 0}, {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-pro", {"reasoning": "off"}, {"thinkingLevel": "LOW"}),
        ("gemini-3-pro", {"reasoning": "medium"}, {"includeThoughts": True}),
        ("gemini-2.5", {"reasoning": "off"}, {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"reasoning": "off"}, {"thinkingBudget": 512}),
        ("gemini-2.5", {"reasoning": "low"}, {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5", {"reasoning": "max"}, {"thinkingBudget": 8192, "includeThoughts": True}),
        ("gemini-2.5", {"reasoning": "on"}, {"thinkingBudget": -1, "includeThoughts": True}),
        ("gemini-2.5", {"reasoning_budget": 1500}, {"thinkingBudget": 1500, "includeThoughts": True}),
        ("gemini-2.5", {"reasoning_budget": 1500, "reasoning": "off"}, {"thinkingBudget": 0}),
        ("gemini-2.5", {"reasoning": "low", "hides_reasoning": True}, {"thinkingBudget": 1024}),
        ("gemini-2.0", {"reasoning": "high"}, None),
        ("generic", {"reasoning": "high"}, None),
    ],
)
def test_thinking_is_graded_in_the_words_of_the_generation(profile: str, wish: dict[str, Any], thinking: dict[str, Any] | None) -> None:
    assert config(profile, **wish).get("thinkingConfig") == thinking


@pytest.mark.parametrize(
    ("wish", "budget"),
    [
        ({"reasoning_budget": 50_000}, 24_576),
        ({"reasoning_budget": 2_000}, 2_000),
        ({"reasoning_budget": 10}, 600),
        ({"reasoning": "minimal"}, 600),
        ({"reasoning": "off"}, 0),
        ({"reasoning": "on"}, -1),
    ],
)
def test_budgets_are_within_what_the_server_said_that_it_takes(wish: dict[str, Any], budget: int) -> None:
    profile = replace(PROFILES["gemini-2.5"], thought_tokens=(600, 24_576))
    assert config(profile, **wish)["thinkingConfig"]["thinkingBudget"] == budget


@pytest.mark.parametrize(
    ("model", "profile"),
    [
        ("gemini-3-pro-preview", "gemini-3-pro"),
        ("models/gemini-3.1-pro-preview", "gemini-3.x-pro"),
        ("gemini-3-flash-preview", "gemini"),
        ("gemini-4-flash", "gemini"),
        ("gemini-flash-latest", "gemini"),
        ("gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini-2.5-flash-lite", "gemini-2.5"),
        ("gemini-2.0-flash", "gemini-2.0"),
        ("gemini-1.5-pro", "gemini-2.0"),
        ("gemma-3-27b-it", "gemma"),
    ],
)
def test_the_generation_is_told_by_the_name(model: str, profile: str) -> None:
    assert profile_of("https://generativelanguage.googleapis.com", "auto", None, model, "gemini").name == profile


def test_the_same_host_may_speak_openais_language() -> None:
    profile = profile_of("https://generativelanguage.googleapis.com/v1beta/openai", "auto", None, "gemini-2.5-pro")
    assert profile.params["top_p"] == "top_p"


# What else is asked


def test_a_plain_text_is_what_a_user_says() -> None:
    call = egress.build_prompt(PromptRequest("asked", "Once", stream=True, sampling=Sampling(5, stop=("END",))), to())
    assert call.path.endswith(":streamGenerateContent")
    body = body_of(call.body)
    judge(body)
    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "Once"}]}],
        "generationConfig": {"maxOutputTokens": 5, "stopSequences": ["END"]},
    }


def test_finished_prompts_and_gaps_are_refused() -> None:
    with pytest.raises(NotSupported, match="only chats") as refused:
        egress.build_prompt(PromptRequest("asked", "<s>def f(", is_finished=True), to())
    assert (refused.value.status, refused.value.param) == (400, "raw")
    with pytest.raises(InvalidRequest, match="does not support insert"):
        egress.build_prompt(PromptRequest("asked", "def f(", suffix=")"), to())


def test_the_server_counts_what_it_would_be_asked() -> None:
    request = a_chat_request(tools=(WEATHER,), messages=(said("system", "S"), said("user", "hi")), sampling=Sampling(temperature=1.0))
    call = egress.build_count(request, to(model="m"))
    assert call is not None
    assert (call.path, call.model, call.stream) == ("/v1beta/models/m:countTokens", "m", False)
    asked = body_of(call.body)["generateContentRequest"]
    assert asked.pop("model") == "models/m"
    assert asked.keys() == {"systemInstruction", "contents", "tools"}


def test_what_cannot_be_written_is_refused() -> None:
    deep: Any = {}
    for _ in range(2000):
        deep = {"items": deep}
    with pytest.raises(InvalidRequest):
        built(tools=(Tool("f", parameters={"type": "object", "properties": {"a": deep}}),))
