"""What clients ask for beside a conversation, and show in it: in every pair it arrives, or is refused by the client's own name for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy.canonical.request import ChatRequest
from proxy.dialects.anthropic.ingress import MESSAGES
from proxy.dialects.registry import DIALECTS
from proxy.profiles import PROFILES
from proxy.routing import Route
from tests.fake_upstream import FakeUpstream, Request
from tests.pairs.clients import INGRESSES, PROMPTS
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import PARIS, PNG, SCHEMA, Call, Scene
from tests.pairs.told import Told
from tests.pairs.upstreams import EGRESSES, Egress

Json = dict[str, Any]
BY_NAME = {ingress.name: ingress for ingress in (*INGRESSES, *PROMPTS)}
PLAIN = Scene("plain")
ON_ALL = pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def play(upstream: FakeUpstream, egress: Egress, scene_of: Callable[[Request], Scene]) -> None:
    """Lets the upstream answer each request by a scene of its own."""
    egress.play(upstream, PLAIN)
    for path in (*egress.paths, *filter(None, [egress.prompt_path])):
        upstream.on(path, lambda request: egress.answer(request, scene_of(request)))


def ask(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, name: str, body: Json, *, stream: bool) -> tuple[Told, Json]:
    """What the client is told, and what the upstream was asked: nothing where the gateway refused."""
    told = BY_NAME[name].ask(gateway_of(upstream, egress), PLAIN, stream=stream, **body)
    asked = [request.json for request in upstream.requests if request.method == "POST" and not request.path.endswith("/responses")]
    assert len(asked) == (told.status == 200)
    return told, asked[0] if asked else {}


# Answers of a certain form

FORMATS: dict[str, Json] = {
    "openai.chat": {"response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}},
    "openai.responses": {"text": {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA}}},
    "anthropic.messages": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "ollama.chat": {"format": SCHEMA},
    "ollama.generate": {"format": SCHEMA},
}


def bound_by(egress: Egress, body: Json) -> Json:
    """The schema that binds the answer."""
    match egress.name:
        case "openai":
            found = body["response_format"]["json_schema"]["schema"]
        case "anthropic" if "output_config" in body:
            found = body["output_config"]["format"]["schema"]
        case "anthropic":
            (tool,) = body["tools"]
            assert body["tool_choice"]["name"] == tool["name"]
            found = tool["input_schema"]
        case "gemini":
            found = body["generationConfig"]["responseJsonSchema"]
        case _:
            found = body["format"]
    assert isinstance(found, dict)
    return found


def a_place(request: Request) -> Scene:
    """An answer of that form: where it can only be demanded as a call, it is one."""
    tools = request.json.get("tools")
    if tools:
        return replace(PLAIN, text="", calls=(Call("toolu_1", tools[0]["name"], {"city": "Paris"}),), finish="tool_calls")
    return replace(PLAIN, text='{"city": "Paris"}')


@BOTH_WAYS
@ON_ALL
@pytest.mark.parametrize("name", FORMATS)
def test_answers_have_the_form_that_was_asked_for(
    gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress, stream: bool
) -> None:
    play(upstream, egress, a_place)
    told, asked = ask(gateway_of, upstream, egress, name, FORMATS[name], stream=stream)
    assert bound_by(egress, asked)["properties"] == SCHEMA["properties"]
    assert (json.loads(told.text), told.calls, told.finish) == ({"city": "Paris"}, [], "stop")


@BOTH_WAYS
@ON_ALL
@pytest.mark.parametrize("name", FORMATS)
def test_form_that_comes_in_markdown_is_told_without_it_where_it_is_translated(
    gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress, stream: bool
) -> None:
    fenced = '```json\n{"city": "Paris"}\n```'
    play(upstream, egress, lambda _: replace(PLAIN, text=fenced))
    told, _ = ask(gateway_of, upstream, egress, name, FORMATS[name], stream=stream)
    is_relayed = BY_NAME[name].dialect == egress.name and name != "openai.responses"
    assert told.text == (fenced if is_relayed else '{"city": "Paris"}')


# Words of the model's own that it shall go on with

BEGUN = [{"role": "user", "content": "json"}, {"role": "assistant", "content": '{"city":'}]
BEGINNING: dict[str, Json] = {
    "openai.chat": {"messages": BEGUN},
    "openai.responses": {"input": BEGUN},
    "anthropic.messages": {"messages": BEGUN},
    "ollama.chat": {"messages": BEGUN},
}


@BOTH_WAYS
@ON_ALL
@pytest.mark.parametrize("name", BEGINNING)
def test_words_that_are_history_upstream_are_not_said_twice(
    gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress, stream: bool
) -> None:
    play(upstream, egress, lambda _: replace(PLAIN, text='{"city":"Paris"}'))
    told, _ = ask(gateway_of, upstream, egress, name, BEGINNING[name], stream=stream)
    goes_on = egress.name in ("anthropic", "ollama")  # What comes from these is the rest.
    is_relayed = BY_NAME[name].dialect == egress.name and name != "openai.responses"
    assert told.text == ('{"city":"Paris"}' if goes_on or is_relayed else '"Paris"}')


# Stop sequences

STOPS: dict[str, Json] = {
    "openai.chat": {"stop": ["END", "QUIT"]},
    "openai.completions": {"stop": "END"},
    "anthropic.messages": {"stop_sequences": ["QUIT", "END"]},
    "ollama.chat": {"options": {"stop": ["END"]}},
    "ollama.generate": {"options": {"stop": ["END"]}},
}
STOPPED = replace(PLAIN, text="one ")


def as_far_as_it_was_told(request: Request) -> Scene:
    """A server that was told where to stop does; one that was not goes on."""
    body = request.json
    places = (body, body.get("generationConfig", {}), body.get("options", {}))
    told = next(filter(None, (place.get(name) for place in places for name in ("stop", "stop_sequences", "stopSequences"))), ())
    return replace(STOPPED, matched="END") if "END" in told else replace(PLAIN, text="one END two")


STOPPING = [(name, egress) for name in STOPS for egress in EGRESSES]


@BOTH_WAYS
@pytest.mark.parametrize(("name", "egress"), STOPPING, ids=[f"{name} on {egress.name}" for name, egress in STOPPING])
def test_answers_end_before_a_stop_sequence(gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress, stream: bool) -> None:
    play(upstream, egress, as_far_as_it_was_told)
    told, _ = ask(gateway_of, upstream, egress, name, STOPS[name], stream=stream)
    assert (told.text, told.finish, told.ended) == ("one ", "stop", True)
    names_it = name == "anthropic.messages" or (egress.name == "anthropic" and name.startswith("openai."))
    assert told.matched == ("END" if names_it else "")


# What functions show, and that they failed

SHOWN: dict[str, Callable[[Json], Any]] = {
    "openai.chat": lambda body: body["messages"][-1].update(
        content=[{"type": "text", "text": "sunny in Paris"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    ),
    "openai.responses": lambda body: body["input"][-1].update(
        output=[
            {"type": "input_text", "text": "sunny in Paris"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
        ]
    ),
    "anthropic.messages": lambda body: body["messages"][-1]["content"][0].update(
        content=[
            {"type": "text", "text": "sunny in Paris"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        ]
    ),
    "ollama.chat": lambda body: body["messages"][-1].update(images=[PNG]),
}
ASKED = Scene("asked", tools=True, earlier=(PARIS,))


@ON_ALL
@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_that_a_function_brought_is_shown(gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress) -> None:
    play(upstream, egress, lambda request: PLAIN)
    body = json.loads(json.dumps(BY_NAME[name].body(ASKED)))
    SHOWN[name](body)
    told, asked = ask(gateway_of, upstream, egress, name, body, stream=False)
    assert told.text == PLAIN.text
    written = json.dumps(asked)
    assert written.count(PNG) == 1
    assert written.index("sunny in Paris") < written.index(PNG) or name == "ollama.chat"


@ON_ALL
def test_that_a_function_failed_is_told(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress) -> None:
    play(upstream, egress, lambda request: PLAIN)
    body = json.loads(json.dumps(BY_NAME["anthropic.messages"].body(ASKED)))
    body["messages"][-1]["content"][0].update(is_error=True, content="no such city")
    _, asked = ask(gateway_of, upstream, egress, "anthropic.messages", body, stream=False)
    match egress.name:
        case "anthropic":
            assert asked["messages"][-1]["content"][0]["is_error"] is True
        case "gemini":
            (part,) = asked["contents"][-1]["parts"]
            assert part["functionResponse"]["response"] == {"error": "no such city"}
        case _:
            assert asked["messages"][-1]["role"] == "tool"
            assert asked["messages"][-1]["content"] == "Error: no such city"


# What only Gemini knows

OF_GEMINI: Json = {
    "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "extra_body": {"google": {"cached_content": "cachedContents/1"}},
    "labels": {"team": "a"},
    "service_tier": "flex",
}


# Where both speak one language, it is handed on as it came.
TRANSLATED = [
    (name, egress)
    for name in ("openai.chat", "openai.completions", "openai.responses")
    for egress in EGRESSES
    if egress.name != "openai" or name == "openai.responses"
]


@BOTH_WAYS
@pytest.mark.parametrize(("name", "egress"), TRANSLATED, ids=[f"{name} on {egress.name}" for name, egress in TRANSLATED])
def test_what_only_gemini_knows_goes_to_gemini_alone(
    gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress, stream: bool
) -> None:
    play(upstream, egress, lambda _: PLAIN)
    told, body = ask(gateway_of, upstream, egress, name, OF_GEMINI, stream=stream)
    assert told.status == 200
    arrived = {key: body[key] for key in ("safetySettings", "cachedContent", "labels", "serviceTier") if key in body}
    assert arrived == (
        {
            "safetySettings": OF_GEMINI["safety_settings"],
            "cachedContent": "cachedContents/1",
            "labels": {"team": "a"},
            "serviceTier": "flex",
        }
        if egress.name == "gemini"
        else {}
    )
    assert not body.keys() & OF_GEMINI.keys() - {"labels"}


# How closely to look

GLANCED_AT: Json = {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"}


@BOTH_WAYS
def test_responses_that_become_chats_say_how_closely_to_look(gateway_of: Gateway, upstream: FakeUpstream, stream: bool) -> None:
    egress = next(egress for egress in EGRESSES if egress.name == "openai")
    play(upstream, egress, lambda _: PLAIN)
    body: Json = {"input": [{"role": "user", "content": [{"type": "input_text", "text": "see"}, GLANCED_AT]}]}
    told, asked = ask(gateway_of, upstream, egress, "openai.responses", body, stream=stream)
    assert told.status == 200
    assert asked["messages"][0]["content"][1]["image_url"] == {"url": "https://example.com/a.png", "detail": "low"}


# Names that are too long

LONG = "mcp__a_server_whose_name_says_much__" + "and_a_tool_whose_name_says_more" * 2
NAMED: dict[str, Json] = {
    "anthropic.messages": {"tools": [{"name": LONG, "input_schema": SCHEMA}], "tool_choice": {"type": "tool", "name": LONG}},
    "ollama.chat": {"tools": [{"type": "function", "function": {"name": LONG, "parameters": SCHEMA}}]},
    "openai.responses": {"tools": [{"type": "function", "name": LONG, "parameters": SCHEMA}]},
}


@BOTH_WAYS
@pytest.mark.parametrize("egress", [egress for egress in EGRESSES if egress.name != "ollama"], ids=lambda egress: egress.name)
@pytest.mark.parametrize("name", NAMED)
def test_a_long_name_of_a_function_fits_and_comes_back(
    gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress, stream: bool
) -> None:
    def call_it(request: Request) -> Scene:
        (sent,) = egress.asked(request).tools
        assert len(sent) <= (64 if egress.name == "openai" else 128)
        return replace(PLAIN, text="", calls=(Call("call_1", sent, {"city": "Paris"}),), finish="tool_calls")

    play(upstream, egress, call_it)
    told, _ = ask(gateway_of, upstream, egress, name, NAMED[name], stream=stream)
    assert told.calls == [(LONG, {"city": "Paris"})]


def test_every_language_that_has_them_is_asked() -> None:
    assert set(FORMATS) | {"openai.completions"} == set(BY_NAME)
    assert set(STOPS) | {"openai.responses"} == set(BY_NAME)
    assert set(SHOWN) == {ingress.name for ingress in INGRESSES}


# A budget for thoughts


@pytest.mark.parametrize(
    ("dialect", "profile", "told"),
    [
        ("openai", "openrouter", {"reasoning": {"max_tokens": 6000}}),
        ("openai", "openai-reasoning", {"reasoning_effort": "high"}),
        ("gemini", "gemini", {"thinkingLevel": "HIGH"}),
        ("gemini", "gemini-2.5", {"thinkingBudget": 6000}),
        ("ollama", "ollama-native", {"think": "high"}),
        ("anthropic", "claude-4.5", {"thinking": {"type": "enabled", "budget_tokens": 6000}}),
        ("anthropic", "claude-4.6", {"output_config": {"effort": "high"}}),
    ],
)
def test_an_anthropic_clients_budget_is_told_in_tokens_where_those_are_counted(dialect: str, profile: str, told: Json) -> None:
    messages = [{"role": "user", "content": "hi"}]
    thinking = {"type": "enabled", "budget_tokens": 6000}
    request = MESSAGES.parse({"model": "m", "max_tokens": 9000, "messages": messages, "thinking": thinking})
    egress = DIALECTS[dialect].egress
    assert egress is not None
    assert isinstance(request, ChatRequest)
    body = json.loads(egress.build_chat(request, Route("it", "m", "m", PROFILES[profile])).body or b"")
    assert (body | body.get("generationConfig", {}).get("thinkingConfig", {})).items() >= told.items()
