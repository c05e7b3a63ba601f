"""Ollama chats with everything in them, through real gunicorn, on eleven kinds of servers that nobody configured: they are met at loopback
addresses that tell nothing, so what each refuses has to be learnt, with at most three repairs the first time and none the second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import ollama
import orjson
import pytest

from tests.fakes import FAKES, start_fake
from tests.fakes.server import LogEntry
from tests.live.gateways import Gateways
from tests.vendors import ollama_at

MAX_REPAIRS = 3
OPTIONS = {
    "num_predict": 50,
    "temperature": 0.2,
    "top_p": 0.9,
    "top_k": 40,
    "min_p": 0.05,
    "typical_p": 0.7,
    "seed": 7,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.4,
    "repeat_penalty": 1.1,
    "repeat_last_n": 64,
    "stop": ["a1", "b1", "c1", "d1", "e1", "f1"],
    "num_ctx": 8192,
    "num_gpu": 1,
    "mirostat": 1,
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
QUESTION: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is the weather in Oslo and in Bergen?"},
]
# As Ollama's clients send it back: calls without ids, results that name only the tool.
HISTORY: list[Any] = [
    *QUESTION,
    {
        "role": "assistant",
        "content": "",
        "thinking": "I should look.",
        "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": city}}} for city in ("Oslo", "Bergen")],
    },
    {"role": "tool", "tool_name": "get_weather", "content": "sunny"},
    {"role": "tool", "tool_name": "get_weather", "content": "rain"},
    {"role": "assistant", "content": "Sun in Oslo, rain in Bergen."},
    {"role": "user", "content": "And the answer?"},
]


@dataclass
class Place:
    """A fake, the name of its upstream, and an Ollama client of the gateway in front of it."""

    name: str
    upstream: str
    client: ollama.Client
    log: list[LogEntry]

    def asked(self) -> int:
        """How many chats the fake was asked for so far."""
        return sum(entry.path == "/chat/completions" for entry in self.log)

    def chat(self, model: str, messages: list[Any], *, stream: bool) -> tuple[ollama.Message, str | None]:
        """The whole message and the reason of its end."""
        model = f"{self.upstream}/{model}"
        thinks = "thinking" in (self.client.show(model).capabilities or ())
        more: dict[str, Any] = {"think": True} if thinks else {}
        parts: Any = self.client.chat(
            model,
            messages,
            tools=[WEATHER],
            format=SCHEMA,
            options=OPTIONS,
            logprobs=True,
            top_logprobs=2,
            keep_alive="5m",
            stream=stream,
            **more,
        )
        parts = list(parts) if stream else [parts]
        calls = [call for part in parts for call in part.message.tool_calls or ()]
        content = "".join(part.message.content or "" for part in parts)
        return ollama.Message(role="assistant", content=content, tool_calls=calls), parts[-1].done_reason


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    """All of them behind one gateway, to which they are numbers."""
    folder = tmp_path_factory.mktemp("fakes")
    file, text, logs = folder / "proxy.toml", "", dict[str, list[LogEntry]]()
    with ExitStack() as stack:
        for number, name in enumerate(FAKES):
            base_url, stop, logs[name] = start_fake(name)
            stack.callback(stop)
            text += f'[upstreams.number-{number}]\nbase_url = "{base_url}"\n'
        file.write_text(text)
        gateways = Gateways(folder)
        stack.callback(gateways.close)
        client = stack.enter_context(ollama_at(gateways.configured(file).address))
        yield {name: Place(name, f"number-{number}", client, log) for number, (name, log) in enumerate(logs.items())}


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, places: dict[str, Place]) -> Place:
    return places[request.param]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_everything_passes_after_three_repairs_and_then_without_any(place: Place, stream: bool) -> None:
    for model in FAKES[place.name].chat_models:
        for messages in (QUESTION, HISTORY):
            before = place.asked()
            answer = place.chat(model, messages, stream=stream)
            check(answer, messages)
            after = place.asked()
            assert after - before <= 1 + MAX_REPAIRS, [entry for entry in place.log if entry.status != 200]
            assert place.chat(model, messages, stream=stream) == answer
            assert place.asked() == after + 1


def check(answer: tuple[ollama.Message, str | None], messages: list[Any]) -> None:
    """A question is answered by a call of the tool, a conversation that had its calls by what the schema asks for."""
    message, done_reason = answer
    assert done_reason == "stop"
    if messages is QUESTION:
        assert [(call.function.name, call.function.arguments) for call in message.tool_calls or ()] == [("get_weather", {"city": "Oslo"})]
    else:
        assert orjson.loads(message.content or "") == {"answer": 42}


def test_what_was_sent_is_what_the_client_meant(place: Place) -> None:
    model = FAKES[place.name].chat_models[0]
    place.chat(model, HISTORY, stream=True)
    body = place.log[-1].body
    assert body["model"] == model
    ids = [call["id"] for message in body["messages"] for call in message.get("tool_calls") or ()]
    assert len(set(ids)) == 2
    assert [message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"] == ids
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 50
    assert [tool["function"]["name"] for tool in body["tools"]] == ["get_weather"]
