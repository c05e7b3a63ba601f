"""Ollama chats with everything in them, on eleven kinds of servers: at most three repairs the first time, none the second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
import requests

from proxy.canonical.catalog import EmbeddingsRequest, ModelCard
from proxy.canonical.completion import Completion
from proxy.canonical.fold import collect
from proxy.canonical.request import ChatRequest, ReasoningPart, ResponseFormat, Sampling, TextPart, ToolCallPart
from proxy.dialects.openai import egress
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES, Profile
from proxy.routing import Route, profile_of
from tests.dialects.openai.asking import WEATHER, a_chat_request, answered, called, said
from tests.fakes import FAKES, start_fake
from tests.fakes.server import LogEntry

MAX_REPAIRS = 3

SAMPLING = Sampling(
    max_tokens=50,
    temperature=0.2,
    top_p=0.9,
    top_k=40,
    min_p=0.05,
    typical_p=0.7,
    seed=7,
    presence_penalty=0.5,
    frequency_penalty=0.4,
    repeat_penalty=1.1,
    stop=("a", "b", "c", "d", "e", "f"),
)
SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
HISTORY = (
    said("system", "Be brief."),
    said("user", "What is the weather in Oslo?"),
    said("assistant", ReasoningPart("I should look."), called("call_abc12345"), called("call_def67890")),
    answered("call_abc12345", "sunny"),
    answered("call_def67890", "no such city", is_error=True),
    said("assistant", "It is sunny."),
    said("user", "And the answer?"),
)
EVERYTHING = a_chat_request(
    messages=HISTORY,
    stream=True,
    tools=(replace(WEATHER, strict=True, may_loosen=True),),
    response_format=ResponseFormat("json_schema", SCHEMA),
    reasoning="on",
    sampling=SAMPLING,
    extra={"num_ctx": 8192, "keep_alive": 300},
)


@dataclass
class Server:
    """A running fake, and what its list says."""

    name: str
    url: str
    log: list[LogEntry]
    http: requests.Session
    cards: dict[str, ModelCard] = field(default_factory=dict)

    def profile(self, start: str, model: str) -> Profile:
        """The profile before the first refusal: by the entry in the list, by the real server's host, or the one for everybody."""
        if start == "nobody knows":
            return PROFILES["generic"]
        return profile_of(FAKES[self.name].host_url if start == "by host" else self.url, "auto", self.cards[model], model)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    """All fakes, running."""
    with requests.Session() as http:
        http.trust_env = False
        running, stops = {}, []
        for name in FAKES:
            url, stop, log = start_fake(name)
            stops.append(stop)
            cards = egress.read_models(http.get(url + egress.build_models().path, timeout=10).content)
            running[name] = Server(name, url, log, http, {card.id: card for card in cards})
        yield running
    for stop in stops:
        stop()


def ids() -> Callable[[], str]:
    numbers = count()
    return lambda: f"id{next(numbers)}"


def send(server: Server, call: Any) -> bytes:
    """The body of the answer. Raises what our reader makes of an error."""
    reply = server.http.post(server.url + call.path, data=call.body, headers={"content-type": "application/json"}, timeout=10)
    if reply.status_code >= 400:
        raise egress.read_error(reply.status_code, {name.lower(): value for name, value in reply.headers.items()}, reply.content)
    return reply.content


def attempt(server: Server, request: ChatRequest, route: Route) -> Completion:
    body = send(server, egress.build_chat(request, route))
    return collect(egress.read_completion(body, route, ids()))


def with_repairs(attempt: Callable[[Route], Any], route: Route) -> tuple[Any, Route, list[str]]:
    """What `attempt` returns at last, the route it took, and the refusals on the way."""
    refusals: list[str] = []
    while True:
        try:
            return attempt(route), route, refusals
        except UpstreamRefused as refusal:
            refusals.append(refusal.message)
            profile = egress.repair(refusal, route.profile)
            assert profile is not None, refusals
            assert len(refusals) <= MAX_REPAIRS, refusals
            route = replace(route, profile=profile)


def check(server: Server, model: str, start: str, request: ChatRequest) -> tuple[Completion, Profile, list[str]]:
    """The answer to `request` and the profile learnt on the way, when the second request needs no repair."""
    route = Route(server.name, "asked", model, server.profile(start, model))
    completion, learnt, refusals = with_repairs(lambda repaired: attempt(server, request, repaired), route)
    asked = len(server.log)
    again, _, more = with_repairs(lambda repaired: attempt(server, request, repaired), learnt)
    assert more == []
    assert len(server.log) == asked + 1
    assert again == completion
    assert server.log[-1].ignored == [] or start == "nobody knows", "what a server passes over in silence is not sent"
    return completion, learnt.profile, refusals


MODELS = [(name, model) for name, fake in FAKES.items() for model in fake.chat_models]
EACH_MODEL = pytest.mark.parametrize(("name", "model"), MODELS, ids=[f"{name}-{model}" for name, model in MODELS])
EACH_START = pytest.mark.parametrize("start", ["by entry", "by host", "nobody knows"])


@EACH_START
@EACH_MODEL
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_chat_with_everything_passes_after_three_repairs(
    servers: dict[str, Server], name: str, model: str, start: str, stream: bool
) -> None:
    completion, _, _ = check(servers[name], model, start, replace(EVERYTHING, stream=stream))
    texts = [part.text for part in completion.parts if isinstance(part, TextPart)]
    assert (texts, completion.finish_reason) == (['{"answer": 42}'], "stop")
    assert completion.usage.prompt_tokens in (9, None)


@EACH_START
@EACH_MODEL
@pytest.mark.parametrize("reasoning", ["off", "max", None])
@pytest.mark.parametrize("kind", ["json", None])
def test_every_wish_to_think_goes_with_every_format(
    servers: dict[str, Server], name: str, model: str, start: str, reasoning: Any, kind: Any
) -> None:
    wanted = ResponseFormat(kind) if kind else None
    check(servers[name], model, start, replace(EVERYTHING, response_format=wanted, reasoning=reasoning))


@EACH_START
@EACH_MODEL
def test_likelihoods_are_given_or_left_out(servers: dict[str, Server], name: str, model: str, start: str) -> None:
    sampling = replace(SAMPLING, logprobs=True, top_logprobs=2)
    request = replace(EVERYTHING, tools=(), messages=(said("user", "Hi"),), sampling=sampling)
    completion, profile, _ = check(servers[name], model, start, request)
    assert bool(completion.logprobs) == profile.logprobs


@EACH_MODEL
def test_tools_are_called(servers: dict[str, Server], name: str, model: str) -> None:
    request = replace(EVERYTHING, messages=(said("user", "What is the weather in Oslo?"),))
    completion, _, _ = check(servers[name], model, "by entry", request)
    calls = [part for part in completion.parts if isinstance(part, ToolCallPart)]
    assert [(call.name, call.arguments) for call in calls] == [("get_weather", '{"city": "Oslo"}')]
    assert completion.finish_reason == "tool_calls"


@EACH_MODEL
def test_a_model_can_be_made_to_go_on_with_its_own_words(servers: dict[str, Server], name: str, model: str) -> None:
    request = replace(EVERYTHING, messages=(said("user", "Count."), said("assistant", "One, ")), tools=(), reasoning=None)
    check(servers[name], model, "by entry", request)


KNOWN = {name: name for name in FAKES} | {"openai": "generic", "nim": "generic"}


@pytest.mark.parametrize("name", FAKES)
def test_servers_are_known_by_their_lists(servers: dict[str, Server], name: str) -> None:
    model = FAKES[name].chat_models[0]
    assert servers[name].profile("by entry", model).name == KNOWN[name]
    assert servers[name].profile("by host", model).name == name or FAKES[name].host_url.startswith("http://127")


@EACH_MODEL
def test_a_server_that_is_known_needs_few_repairs(servers: dict[str, Server], name: str, model: str) -> None:
    """What a profile cannot know: which models think (Groq), which deployment is what (Azure), which function takes what (NIM)."""
    few = {
        "reasoner": 3,
        "chat-2024-02-01": 1,
        "llama-3.1-8b-instant": 1,
        "openai/gpt-oss-20b": 1,
        "nvidia/nemotron-4-340b-instruct": 1,
        "qwen3.gguf": 1,
    }
    _, _, refusals = check(servers[name], model, "by host", EVERYTHING)
    assert len(refusals) == (0 if name == "vllm" else few.get(model, 0)), refusals


def test_thinking_is_heard_where_it_is_told(servers: dict[str, Server]) -> None:
    thoughts = set()
    for name, model in MODELS:
        completion, _, _ = check(servers[name], model, "by host", EVERYTHING)
        if any(isinstance(part, ReasoningPart) and part.text == "Let me think." for part in completion.parts):
            thoughts.add(name)
    assert thoughts == {"vllm", "llamacpp", "openrouter", "deepseek", "groq", "mistral"}


@pytest.mark.parametrize("name", FAKES)
def test_an_unknown_model_is_not_repaired(servers: dict[str, Server], name: str) -> None:
    route = Route(name, "asked", "no-such-model", PROFILES["generic"])
    with pytest.raises(UpstreamRefused) as caught:
        attempt(servers[name], EVERYTHING, route)
    assert (caught.value.status, caught.value.upstream_status) == (404, 404)
    assert egress.repair(caught.value, route.profile) is None


def test_a_demanded_tool_that_cannot_be_called_is_told_to_the_client(servers: dict[str, Server]) -> None:
    route = Route("vllm", "asked", "openai/gpt-oss-20b", PROFILES["vllm"])
    with pytest.raises(UpstreamRefused, match="--enable-auto-tool-choice") as caught:
        attempt(servers["vllm"], replace(EVERYTHING, tool_choice="required"), route)
    assert egress.repair(caught.value, route.profile) is None


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
@pytest.mark.parametrize("name", [name for name in FAKES if name != "mistral"])
def test_a_tool_can_be_demanded(servers: dict[str, Server], name: str, choice: Any) -> None:
    request = replace(EVERYTHING, messages=(said("user", "Hi"),), tool_choice=choice)
    completion, _, _ = check(servers[name], FAKES[name].chat_models[0], "by entry", request)
    assert any(isinstance(part, ToolCallPart) for part in completion.parts)


EMBEDDERS = [(name, model) for name, fake in FAKES.items() for model in fake.embedding_models]


@EACH_START
@pytest.mark.parametrize(("name", "model"), EMBEDDERS, ids=[model for _, model in EMBEDDERS])
def test_vectors_pass_after_three_repairs_too(servers: dict[str, Server], name: str, model: str, start: str) -> None:
    server = servers[name]
    request = EmbeddingsRequest("asked", ("a", "b"), dimensions=2)

    def embed(route: Route) -> Any:
        return egress.read_embeddings(send(server, egress.build_embeddings(request, route)), request)

    result, learnt, refusals = with_repairs(embed, Route(name, "asked", model, server.profile(start, model)))
    assert [list(vector) for vector in result.vectors] == [[0.6, 0.8]] * 2
    assert result.prompt_tokens == 2
    assert len(refusals) <= 1
    assert with_repairs(embed, learnt)[2] == []


def test_a_text_that_is_too_long_gets_shorter(servers: dict[str, Server]) -> None:
    server, route = servers["openai"], Route("openai", "asked", "text-embedding-3-small", PROFILES["openai"])
    request = EmbeddingsRequest("asked", ("x" * 20_000, "y"))
    for length in (10_000, 5_000):
        with pytest.raises(UpstreamRefused) as caught:
            send(server, egress.build_embeddings(request, route))
        assert egress.repair(caught.value, route.profile) is None
        shorter = egress.shorten(request, caught.value)
        assert shorter is not None
        assert [len(text) for text in shorter.inputs] == [length, 1]
        request = shorter
    assert len(egress.read_embeddings(send(server, egress.build_embeddings(request, route)), request).vectors) == 2
