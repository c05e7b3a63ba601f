"""What the tables say that upstreams make of each feature, against what they are asked: by every profile of every dialect, a request that
has the feature beside one that has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import orjson
import pytest

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.canonical.format_words import in_words
from proxy.canonical.google_options import CACHED_CONTENT, GOOGLE_OPTIONS, SERVICE_TIER
from proxy.canonical.openai_options import PROMPT_CACHE, VERBOSITY
from proxy.canonical.request import (
    AudioPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    PromptRequest,
    ReasoningPart,
    ResponseFormat,
    Role,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
)
from proxy.canonical.runner_options import RUNNER_FLAGS, RUNNER_NUMBERS
from proxy.dialects.ollama.loading import KEEP_ALIVE
from proxy.dialects.registry import DIALECTS, egress_of
from proxy.errors import ProxyError
from proxy.gateway.cutting import cutter_of, told
from proxy.profiles import DIALECT_PROFILES, MODEL_VARIANTS, PROFILES, Profile
from proxy.routing import Route
from proxy.support import FEATURES, Support
from proxy.wire.messages import UpstreamCall
from tests.dialect_pages import upstream_tables

Request = ChatRequest | PromptRequest | EmbeddingsRequest

PNG: Final = "iVBORw0KGgo="
PDF: Final = "JVBERi0xLjQ="
SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
WEATHER: Final = Tool("get_weather", "Tells the weather", SCHEMA)
LOOSE: Final = Tool("get_weather", "Tells the weather", {**SCHEMA, "required": []})
CLOCK: Final = Tool("get_time", "Tells the time", SCHEMA)
NAMED: Final = {"type": "function", "function": {"name": "get_weather"}}
CALL: Final = ToolCallPart("call_1", "get_weather", '{"city":"Oslo"}')
JSON: Final = ResponseFormat("json")
PLACE: Final = ResponseFormat("json_schema", SCHEMA)
DETAILS: Final = '[{"type":"reasoning.encrypted","index":0,"data":"U0lH"}]'


def says(role: Role, *parts: Any, name: str = "") -> Message:
    """A message; texts may stand for their parts."""
    return Message(role, tuple(TextPart(part) if isinstance(part, str) else part for part in parts), name)


HELLO: Final = says("user", "Hello")


def chat(*messages: Message, **changes: Any) -> ChatRequest:
    """A chat that begins with the same words."""
    return ChatRequest("asked", (HELLO, *messages), **changes)


def tooled(*messages: Message, **changes: Any) -> ChatRequest:
    """A chat with functions."""
    return chat(*messages, tools=(WEATHER, CLOCK), **changes)


def called(*before: Any, call: ToolCallPart = CALL, result: tuple[Any, ...] = (TextPart("sunny"),), **changes: Any) -> ChatRequest:
    """A chat with a call, what came before it in its turn, and its result."""
    return tooled(says("assistant", *before, call), Message("tool", (ToolResultPart(call.id, call.name, result, **changes),)))


def shows(part: Any) -> ChatRequest:
    """A chat in which the user shows something."""
    return ChatRequest("asked", (says("user", "Hello", part),))


def sampled(**sampling: Any) -> ChatRequest:
    return chat(sampling=Sampling(**sampling))


def prompt(text: str = "Once", **changes: Any) -> PromptRequest:
    return PromptRequest("asked", text, **changes)


def embeddings(text: str = "Once", **changes: Any) -> EmbeddingsRequest:
    return EmbeddingsRequest("asked", (text,), **{"truncate": False, **changes})


def signed(origin: str) -> ChatRequest:
    """A chat whose call has a signature."""
    return called(call=replace(CALL, opaque="U0lH", origin=origin))


def thought(origin: str, opaque: str) -> ChatRequest:
    """A chat whose call was thought of with a signature."""
    return called(ReasoningPart("Hm.", opaque, origin))


# A request that has the feature, and one that has not.
CHATS: Final[dict[str, list[tuple[Request, Request]]]] = {
    "system": [(ChatRequest("asked", (says("system", "Be short"), HELLO)), chat())],
    "system_turns": [(chat(says("assistant", "Yes?"), says("system", "Be short"), HELLO), chat(says("assistant", "Yes?"), HELLO))],
    "text": [(shows("and bye"), chat())],
    "images": [(shows(ImagePart("image/png", PNG)), chat())],
    "image_urls": [(shows(ImagePart(url="https://example.com/a.png")), chat())],
    "image_detail": [(shows(ImagePart("image/png", PNG, detail="low")), shows(ImagePart("image/png", PNG)))],
    "audio": [(shows(AudioPart("wav", "UklGRg==")), chat())],
    "files": [(shows(FilePart("application/pdf", PDF)), chat()), (shows(FilePart("text/plain", "aGk=")), chat())],
    "file_urls": [(shows(FilePart("application/pdf", url="https://example.com/a.pdf")), chat())],
    "names": [(ChatRequest("asked", (says("user", "Hello", name="ann"),)), chat())],
    "tools": [(tooled(), chat())],
    "strict_tools": [
        (chat(tools=(replace(WEATHER, strict=True, may_loosen=True),)), chat(tools=(WEATHER,))),
        (chat(tools=(replace(LOOSE, strict=True, may_loosen=True),)), chat(tools=(LOOSE,))),
    ],
    "tool_choice": [(tooled(tool_choice="none"), tooled()), (tooled(tool_choice="required"), tooled())],
    "named_tool": [(tooled(tool_choice=NAMED), tooled())],
    "parallel_tool_calls": [(tooled(parallel_tool_calls=False), tooled())],
    "tool_calls": [(called(), tooled())],
    "tool_results": [(called(), called(result=(TextPart("rainy"),)))],
    "tool_result_images": [(called(result=(TextPart("sunny"), ImagePart("image/png", PNG))), called())],
    "tool_errors": [(called(is_error=True), called())],
    "json_mode": [(chat(response_format=JSON), chat()), (tooled(response_format=JSON), tooled())],
    "json_schema": [(chat(response_format=PLACE), chat()), (tooled(response_format=PLACE), tooled())],
    "reasoning": [(chat(reasoning=effort), chat()) for effort in ("off", "high")],
    "reasoning_budget": [(chat(reasoning="on", reasoning_budget=2000), chat())],
    "hidden_reasoning": [(chat(reasoning="high", hides_reasoning=True), chat(reasoning="high"))],
    "reasoning_history": [(called(ReasoningPart("Hm.")), called())],
    "prefill": [(chat(says("assistant", "Well,")), chat())],
    "max_tokens": [(sampled(max_tokens=7), chat())],
    "temperature": [(sampled(temperature=0.5), chat())],
    "top_p": [(sampled(top_p=0.5), chat())],
    "top_k": [(sampled(top_k=7), chat())],
    "min_p": [(sampled(min_p=0.5), chat())],
    "typical_p": [(sampled(typical_p=0.5), chat())],
    "seed": [(sampled(seed=7), chat())],
    "presence_penalty": [(sampled(presence_penalty=0.5), chat())],
    "frequency_penalty": [(sampled(frequency_penalty=0.5), chat())],
    "repeat_penalty": [(sampled(repeat_penalty=1.5), chat())],
    "stop": [(chat(sampling=Sampling(stop=("END",)), names_stops=names), chat()) for names in (False, True)],
    "logprobs": [(sampled(logprobs=True), chat()), (sampled(logprobs=True, top_logprobs=2), chat())],
    "user": [(chat(user="ann"), chat())],
    "cache_hints": [(shows(TextPart("long", {"type": "ephemeral"})), shows(TextPart("long")))],
    "num_ctx": [(chat(extra={"num_ctx": 8192}), chat())],
    "runner": [(chat(extra={name: 1}), chat()) for name in (*RUNNER_NUMBERS, *RUNNER_FLAGS)],
    "keep_alive": [(chat(extra={KEEP_ALIVE: 60.0}), chat())],
    "google_options": [(chat(extra={name: "any"}), chat()) for name in GOOGLE_OPTIONS if name not in (SERVICE_TIER, CACHED_CONTENT)],
    "cached_content": [(chat(extra={CACHED_CONTENT: "cachedContents/1"}), chat())],
    "service_tier": [(chat(extra={SERVICE_TIER: "flex"}), chat())],
    "verbosity": [(chat(extra={VERBOSITY: "low"}), chat())],
    "prompt_cache": [(chat(extra={name: "any"}), chat()) for name in sorted(PROMPT_CACHE)],
    "stream": [(chat(stream=True), chat())],
    "prompts": [(prompt(), prompt("Never"))],
    "finished_prompts": [(prompt(is_finished=True), prompt("Never"))],
    "suffix": [(prompt(suffix="the end"), prompt())],
    "embeddings": [(embeddings(), embeddings("Never"))],
    "dimensions": [(embeddings(dimensions=7), embeddings())],
    "truncate": [(embeddings(truncate=True), embeddings())],
    "token_counts": [(chat(), chat(says("assistant", "Yes?"), HELLO))],
}
# Each understands its own.
OPAQUE: Final[dict[str, list[tuple[Request, Request]]]] = {
    "openai": [(signed("gemini"), called()), (thought("openrouter", DETAILS), thought("", ""))],
    "anthropic": [(thought("anthropic", "U0lH"), thought("", ""))],
    "gemini": [(signed("gemini"), called()), (thought("gemini", "U0lH"), thought("", ""))],
    "ollama": [(signed("ollama"), called()), (thought("ollama", "U0lH"), thought("", ""))],
}
# It is in the answer alone: `tests/pairs` compare it.
IN_ANSWERS: Final = {"usage"}
# What the gateway does itself where the upstream is not told: all of it, or something near it. `tests/pairs` look at that.
KEPT: Final = {"stop", "hidden_reasoning", "dimensions"}
NEARLY: Final = {"parallel_tool_calls", "truncate", "token_counts"}

_NAMES: Final = {
    dialect: {name, *(variant for _, variant in MODEL_VARIANTS.get(dialect, ()))} for dialect, name in DIALECT_PROFILES.items()
}
_NATIVE: Final = PROFILES["ollama-native"]
PROFILES_OF: Final = {dialect: [PROFILES[name] for name in sorted(names)] for dialect, names in _NAMES.items()} | {
    # What the server tells of a model that cannot think is learnt from its refusal.
    "ollama": [_NATIVE, replace(_NATIVE, name="unthinking", reasoning="none")],
    "openai": [profile for name, profile in PROFILES.items() if not any(name in names for names in _NAMES.values())],
}
CASES: Final = [(dialect, feature) for dialect in upstream_tables() for feature in FEATURES if feature not in IN_ANSWERS]


def to(profile: Profile) -> Route:
    """The way to a server of that profile."""
    return Route("it", "asked", "sent", profile)


def requests_with(dialect: str, feature: str) -> list[tuple[Request, Request]]:
    """Requests that have the feature, each with one that has not."""
    return OPAQUE[dialect] if feature == "opaque" else CHATS[feature]


def build(dialect: str, feature: str, request: Request, route: Route) -> UpstreamCall | None:
    """What such an upstream is asked, as the gateway does it."""
    egress = egress_of(dialect)
    if isinstance(request, EmbeddingsRequest):
        return egress.build_embeddings(request, route)
    if feature == "token_counts":
        assert isinstance(request, ChatRequest)
        return egress.build_count(request, route)
    request = told(request, route)
    return egress.build_chat(request, route) if isinstance(request, ChatRequest) else egress.build_prompt(request, route)


def effect(dialect: str, feature: str, asked: Request, plain: Request, route: Route) -> str:
    """What becomes of the feature there: `told` to the upstream, `kept` by the gateway, or `near`ly; `lost`; or `refused`."""
    try:
        call = build(dialect, feature, asked, route)
    except ProxyError:
        return "refused"
    if call != build(dialect, feature, plain, route):
        return "near" if call is not None and is_only_said(asked, call) else "told"
    if feature in ("stop", "parallel_tool_calls"):
        assert isinstance(asked, ChatRequest)
        assert cutter_of(asked, route) is not None
    return "kept" if feature in KEPT else "near" if feature in NEARLY else "lost"


def is_only_said(asked: Request, call: UpstreamCall) -> bool:
    """Whether the form of the answer is asked for in words, which do not bind it to that."""
    if not isinstance(asked, ChatRequest) or asked.response_format is None:
        return False
    wanted, body = asked.response_format, orjson.loads(call.body or b"")
    words = in_words(wanted, with_tools=bool(asked.tools))
    is_bound = wanted.schema is None and body.get("response_format")
    return not is_bound and any(words in text for text in texts_of(body))


def texts_of(value: Any) -> Iterator[str]:
    """All texts that stand in a JSON value."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_of(inner)


def effects(dialect: str, feature: str) -> Iterator[tuple[str, str]]:
    """By each profile of the dialect, what becomes of the feature."""
    for profile in PROFILES_OF[dialect]:
        for asked, plain in requests_with(dialect, feature):
            yield profile.name, effect(dialect, feature, asked, plain, to(profile))


def is_true(support: Support, seen: set[str]) -> bool:
    """Whether what the table says is what is seen at all servers of the kind."""
    match support.outcome:
        case "dropped":
            return seen == {"lost"}
        case "refused":
            return seen == {"refused"}
        case "approximated":
            return bool(seen & {"told", "kept", "near"})
        case _:
            return seen <= {"told", "kept"}


def test_there_is_a_request_for_every_feature() -> None:
    assert {*CHATS, "opaque", *IN_ANSWERS} == set(FEATURES)
    assert set(OPAQUE) == set(PROFILES_OF) == {name for name, dialect in DIALECTS.items() if dialect.egress is not None}


@pytest.mark.parametrize(("dialect", "feature"), CASES, ids=[f"{feature} on {dialect}" for dialect, feature in CASES])
def test_upstreams_are_asked_what_the_tables_say(dialect: str, feature: str) -> None:
    support = upstream_tables()[dialect][feature]
    seen = set(effects(dialect, feature))
    assert is_true(support, {what for _, what in seen}), (support, sorted(seen))


@pytest.mark.parametrize("dialect", PROFILES_OF)
def test_plain_texts_are_not_called_carried_where_they_become_chats(dialect: str) -> None:
    egress = egress_of(dialect)
    routes = [to(profile) for profile in PROFILES_OF[dialect]]
    become_chats = any(egress.build_prompt(prompt(), route).path == egress.build_chat(chat(), route).path for route in routes)
    support = upstream_tables()[dialect]["prompts"]
    assert become_chats == ("as what a user says" in support.note)
    assert support.outcome == "approximated" or not become_chats


SERVERS: Final = {
    "azure": "Azure",
    "cerebras": "Cerebras",
    "deepseek": "DeepSeek",
    "groq": "Groq",
    "llamacpp": "llama.cpp",
    "lmstudio": "LM Studio",
    "mistral": "Mistral",
    "openai": "OpenAI",
    "openrouter": "OpenRouter",
    "sglang": "SGLang",
    "together": "Together",
    "vllm": "vLLM",
}


@pytest.mark.parametrize(
    "feature",
    [
        *("top_k", "min_p", "typical_p", "repeat_penalty", "user", "file_urls", "cache_hints"),
        *("service_tier", "verbosity", "prompt_cache"),
    ],
)
def test_servers_that_take_what_others_do_not_are_named(feature: str) -> None:
    assert named_of(feature) == {name.removesuffix("-reasoning") for name, what in effects("openai", feature) if what == "told"}


@pytest.mark.parametrize("feature", ["names", "temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "logprobs"])
def test_servers_that_do_not_take_what_others_do_are_named(feature: str) -> None:
    lost = {name for name, what in effects("openai", feature) if what == "lost"}
    assert named_of(feature) == {"openai" if name.endswith("-reasoning") else name for name in lost}


def named_of(feature: str) -> set[str]:
    """The servers that the table names."""
    note = upstream_tables()["openai"][feature].note
    return {name for name, title in SERVERS.items() if re.search(rf"\b{re.escape(title)}\b", note)}
