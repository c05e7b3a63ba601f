"""llama.cpp speaks OpenAI's and Anthropic's language itself: what the vendors' SDKs get of it directly, they get through the gateway, which
asks it in the other one.
"""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
import requests

from tests.live.gateways import Gateways
from tests.live.master import Master
from tests.pairs.scenes import PARIS
from tests.vendors import anthropic_at, openai_at

SCHEMA = {"type": "object", "properties": {"city": {"enum": ["Paris", "Oslo"]}}, "required": ["city"], "additionalProperties": False}
SAME: dict[str, Any] = {"model": "tiny", "max_tokens": 24, "temperature": 0.0}
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

# Anthropic's words for the same requests as OpenAI's.
CLAUDE_TOOL: Any = {"name": "get_weather", "description": "The weather", "input_schema": SCHEMA}
OPENAI_TOOL: Any = {"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": SCHEMA}}
RESULT: Any = {"type": "tool_result", "tool_use_id": PARIS.id, "content": "sunny"}
FOR_CLAUDE: dict[str, dict[str, Any]] = {
    "text": {"system": "be brief", "messages": [{"role": "user", "content": "hi"}]},
    "turns": {
        "messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}]
    },
    "tool": {
        "messages": [{"role": "user", "content": "Weather in Paris?"}],
        "tools": [CLAUDE_TOOL],
        "tool_choice": {"type": "any"},
        "max_tokens": 200,
    },
    "result": {
        "messages": [
            {"role": "user", "content": "Weather in Paris?"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": PARIS.id, "name": PARIS.name, "input": dict(PARIS.arguments)}]},
            {"role": "user", "content": [RESULT]},
        ],
        "tools": [CLAUDE_TOOL],
        "tool_choice": {"type": "none"},
    },
}
FOR_OPENAI: dict[str, dict[str, Any]] = {
    "text": {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]},
    "turns": FOR_CLAUDE["turns"],
    "tool": {
        "messages": [{"role": "user", "content": "Weather in Paris?"}],
        "tools": [OPENAI_TOOL],
        "tool_choice": "required",
        "max_tokens": 200,
    },
    "result": {
        "messages": [
            {"role": "user", "content": "Weather in Paris?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": PARIS.id, "type": "function", "function": {"name": PARIS.name, "arguments": PARIS.written}}],
            },
            {"role": "tool", "tool_call_id": PARIS.id, "content": "sunny"},
        ],
        "tools": [OPENAI_TOOL],
        "tool_choice": "none",
    },
}


@pytest.fixture(scope="module")
def gateway(gateways: Gateways, llamacpp: str, tmp_path_factory: pytest.TempPathFactory) -> Master:
    """A gateway that knows the server twice, by each of its languages."""
    file = tmp_path_factory.mktemp("second_opinion") / "proxy.toml"
    file.write_text(
        f'[upstreams.chats]\nbase_url = "{llamacpp}/v1"\n[upstreams.messages]\ndialect = "anthropic"\nbase_url = "{llamacpp}"\n'
    )
    return gateways.configured(file)


def of_claude(address: str, model: str, body: dict[str, Any], *, stream: bool) -> anthropic.types.Message:
    with anthropic_at(address) as client:
        asked = {**SAME, **body, "model": model}
        asked["extra_body"] = {"temperature": asked.pop("temperature")}  # This SDK has forgotten it.
        if not stream:
            message: anthropic.types.Message = client.messages.create(**asked)
            return message
        with client.messages.stream(**asked) as told:
            return told.get_final_message()


def of_openai(address: str, model: str, body: dict[str, Any], *, stream: bool) -> Any:
    with openai_at(address) as client:
        asked = {**SAME, **body, "model": model}
        if not stream:
            return client.chat.completions.create(**asked)
        return list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))


def read_claude(message: anthropic.types.Message) -> dict[str, Any]:
    """What a message says, but for what differs from one to the next."""
    usage = message.usage
    return {
        "blocks": [block.model_dump(exclude={"id", "citations", "caller"}, exclude_none=True) for block in message.content],
        "finish": (message.stop_reason, message.stop_sequence),
        "tokens": (usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens),
        "shape": (message.type, message.role),
    }


def read_openai(answer: Any) -> dict[str, Any]:
    """What a completion says, whole or in chunks."""
    if not isinstance(answer, list):
        (choice,) = answer.choices
        calls = [(call.type, call.function.name, call.function.arguments) for call in choice.message.tool_calls or ()]
        read = {"text": choice.message.content or "", "calls": calls, "finish": choice.finish_reason}
        return {**read, "tokens": (answer.usage.prompt_tokens, answer.usage.completion_tokens)}
    deltas = [choice.delta for chunk in answer for choice in chunk.choices]
    pieces = [piece for delta in deltas for piece in delta.tool_calls or ()]
    name, arguments = ("".join(filter(None, (getattr(piece.function, part) for piece in pieces))) for part in ("name", "arguments"))
    (finish,) = (choice.finish_reason for chunk in answer for choice in chunk.choices if choice.finish_reason)
    (usage,) = (chunk.usage for chunk in answer if chunk.usage)
    return {
        "text": "".join(delta.content or "" for delta in deltas),
        "calls": [("function", name, arguments)] if pieces else [],
        "finish": finish,
        "tokens": (usage.prompt_tokens, usage.completion_tokens),
    }


@STREAMED
@pytest.mark.parametrize("name", FOR_CLAUDE)
def test_anthropics_sdk_gets_the_same_answer(gateway: Master, llamacpp: str, name: str, stream: bool) -> None:
    directly = read_claude(of_claude(llamacpp, "tiny", FOR_CLAUDE[name], stream=stream))
    assert read_claude(of_claude(gateway.address, "chats/tiny", FOR_CLAUDE[name], stream=stream)) == directly
    assert read_claude(of_claude(gateway.address, "messages/tiny", FOR_CLAUDE[name], stream=stream)) == directly


@STREAMED
@pytest.mark.parametrize("name", FOR_OPENAI)
def test_openais_sdk_gets_the_same_answer(gateway: Master, llamacpp: str, name: str, stream: bool) -> None:
    directly = read_openai(of_openai(llamacpp, "tiny", FOR_OPENAI[name], stream=stream))
    assert read_openai(of_openai(gateway.address, "messages/tiny", FOR_OPENAI[name], stream=stream)) == directly
    assert read_openai(of_openai(gateway.address, "chats/tiny", FOR_OPENAI[name], stream=stream)) == directly


@STREAMED
def test_the_stop_sequence_is_named_though_the_server_does_not(gateway: Master, llamacpp: str, stream: bool) -> None:
    letters = list("abcdefghijklmnopqrstuvwxyz")
    body = {**FOR_CLAUDE["text"], "max_tokens": 2000, "temperature": 0.8, "stop_sequences": letters}
    for address, model in ((llamacpp, "tiny"), (gateway.address, "messages/tiny")):
        message = of_claude(address, model, body, stream=stream)
        assert message.stop_reason in ("stop_sequence", "end_turn")
        assert not set(words_of(message)) & set(letters)
    message = of_claude(gateway.address, "chats/tiny", body, stream=stream)
    assert (message.stop_reason, message.stop_sequence in letters) == ("stop_sequence", True)
    assert not set(words_of(message)) & set(letters)


def words_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_events_come_in_the_same_order(gateway: Master, llamacpp: str) -> None:
    def kinds(address: str, model: str) -> list[str]:
        body = {**SAME, **FOR_CLAUDE["text"], "model": model, "stream": True}
        answer = requests.post(f"{address}/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"}, timeout=30)
        found = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
        return [kind for place, kind in enumerate(found) if kind != "ping" and (not place or kind != found[place - 1])]

    directly = kinds(llamacpp, "tiny")
    assert directly[0] == "message_start"
    assert kinds(gateway.address, "chats/tiny") == directly
    assert kinds(gateway.address, "messages/tiny") == directly


def test_tokens_are_counted_before_anything_is_asked(gateway: Master, llamacpp: str) -> None:
    def counted(address: str, model: str) -> int:
        with anthropic_at(address) as client:
            body: Any = {name: FOR_CLAUDE["tool"][name] for name in ("messages", "tools")}
            return client.messages.count_tokens(model=model, **body).input_tokens

    directly = counted(llamacpp, "tiny")
    assert counted(gateway.address, "messages/tiny") == directly
    assert counted(gateway.address, "chats/tiny") == directly


def test_what_is_too_long_is_refused_in_the_same_class(gateway: Master, llamacpp: str) -> None:
    body = {"messages": [{"role": "user", "content": "word " * 9000}]}
    for address, model in ((llamacpp, "tiny"), (gateway.address, "chats/tiny"), (gateway.address, "messages/tiny")):
        with pytest.raises(anthropic.BadRequestError):
            of_claude(address, model, body, stream=False)
    for address, model in ((llamacpp, "tiny"), (gateway.address, "chats/tiny"), (gateway.address, "messages/tiny")):
        with pytest.raises(openai.BadRequestError):
            of_openai(address, model, body, stream=False)
