"""An Ollama client, our gateway, and a real llama.cpp behind it. The model's words are noise, the protocol is llama.cpp's own."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ollama
import openai
import pydantic
import pytest
import requests

from tests.live.gateways import Gateways
from tests.live.master import Master, wait_until

HI = [{"role": "user", "content": "hi"}]
# At about a thousand tokens a second this keeps a slot busy for longer than any test waits.
ENDLESS = {"num_predict": 14000, "temperature": 0.8, "seed": 1}
_FREE_AGAIN_S = 1.0


class Car(pydantic.BaseModel):
    wheels: int
    fast: bool
    colors: list[str]


@pytest.fixture(scope="module")
def gateway(gateways: Gateways, llamacpp: str) -> Master:
    return gateways.serving(f"{llamacpp}/v1")


@pytest.fixture(scope="module")
def client(gateway: Master) -> Iterator[ollama.Client]:
    with ollama.Client(host=gateway.address) as made:
        yield made


def busy_slots(llamacpp: str) -> int:
    return sum(slot["is_processing"] for slot in requests.get(f"{llamacpp}/slots", timeout=5).json())


def seconds_until_free(llamacpp: str) -> float:
    """How long it takes from now until no slot is busy."""
    began = time.monotonic()
    wait_until(lambda: busy_slots(llamacpp) == 0, lambda: "a slot stayed busy")
    return time.monotonic() - began


def test_chat_answers_with_counts(client: ollama.Client) -> None:
    answer = client.chat(
        "tiny", HI, options={"num_predict": 20, "temperature": 0.5, "top_k": 5, "min_p": 0.1, "repeat_penalty": 1.1, "seed": 3}
    )
    assert len(answer.message.content or "") >= 20
    assert (answer.done_reason, answer.eval_count) == ("length", 20)
    assert (answer.prompt_eval_count or 0) > 5


def test_chat_is_the_same_whole_and_streamed(client: ollama.Client) -> None:
    options = {"num_predict": 30, "temperature": 0.0}
    whole = client.chat("tiny", HI, options=options)
    parts = list(client.chat("tiny", HI, options=options, stream=True))
    assert "".join(part.message.content or "" for part in parts) == whole.message.content
    assert len(parts) > 5
    assert (parts[-1].done_reason, parts[-1].eval_count) == ("length", whole.eval_count)


def test_generation_stops_before_a_stop_sequence(client: ollama.Client) -> None:
    options: dict[str, Any] = {"num_predict": 2000, "temperature": 0.8, "seed": 5}
    letters = list("abcdefghijklmnopqrstuvwxyz")
    for stream in (False, True):
        parts: Any = client.chat("tiny", HI, options={**options, "stop": letters}, stream=stream)
        parts = list(parts) if stream else [parts]
        text = "".join(part.message.content or "" for part in parts)
        assert not set(text) & set(letters)
        assert parts[-1].done_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_schema_makes_valid_json_of_noise(client: ollama.Client, stream: bool) -> None:
    schema = {**Car.model_json_schema(), "properties": {**Car.model_json_schema()["properties"]}}
    schema["properties"]["colors"] = {"type": "array", "items": {"enum": ["red", "blue"]}, "maxItems": 3}
    schema["properties"]["wheels"] = {"enum": [3, 4, 6]}
    parts: Any = client.chat("tiny", HI, format=schema, options={"num_predict": 500, "seed": 2}, stream=stream)
    parts = list(parts) if stream else [parts]
    car = Car.model_validate_json("".join(part.message.content or "" for part in parts))
    assert car.wheels in (3, 4, 6)
    assert parts[-1].done_reason == "stop"


def test_generate_answers(client: ollama.Client) -> None:
    assert client.generate("tiny", "hi", options={"num_predict": 5}).eval_count == 5
    assert client.generate("tiny", "hi", raw=True, options={"num_predict": 5}).response


def test_logprobs_are_llamacpps(client: ollama.Client) -> None:
    answer = client.chat("tiny", HI, logprobs=True, top_logprobs=2, options={"num_predict": 4})
    assert answer.logprobs is not None
    assert len(answer.logprobs) == 4
    assert all(token.logprob < 0 for token in answer.logprobs)


def test_embed_gives_unit_vectors_in_order(client: ollama.Client) -> None:
    vectors = client.embed("tiny", ["cat", "dog"]).embeddings
    assert [round(math.hypot(*vector), 4) for vector in vectors] == [1.0, 1.0]
    assert client.embed("tiny", "dog").embeddings[0] == pytest.approx(list(vectors[1]), abs=1e-4)


def test_model_is_listed_and_shown_with_its_window(client: ollama.Client) -> None:
    assert [model.model for model in client.list().models] == ["tiny:latest"]
    shown = client.show("tiny")
    assert shown.modelinfo is not None
    assert shown.modelinfo[f"{shown.modelinfo['general.architecture']}.context_length"] in (16384, 32768)
    assert "completion" in (shown.capabilities or ())


def test_unknown_model_is_the_upstreams_to_judge(client: ollama.Client) -> None:
    """llama.cpp answers for every name with the one model that it has, so the gateway does, too; only `show` goes by the list."""
    answer = client.chat("llama3", HI, options={"num_predict": 3})
    assert (answer.model, answer.eval_count) == ("llama3", 3)
    with pytest.raises(ollama.ResponseError, match="model 'llama3:latest' not found"):
        client.show("llama3")


def test_error_of_the_upstream_is_told(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError) as refused:
        client.chat("tiny", [{"role": "user", "content": "word " * 9000}])
    assert refused.value.status_code == 400
    assert "context" in refused.value.error


def test_openais_responses_can_be_read_as_they_stream(gateway: Master) -> None:
    with (
        openai.OpenAI(base_url=f"{gateway.address}/v1", api_key="anything", max_retries=0) as client,
        client.responses.stream(model="tiny", input="hi", max_output_tokens=16) as stream,
    ):
        events = list(stream)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert [event.text for event in events if event.type == "response.output_text.done"] == ["".join(deltas)]
    assert len(deltas) > 1
    assert events[-1].type in ("response.completed", "response.incomplete")


def test_openai_clients_are_relayed(gateway: Master) -> None:
    with openai.OpenAI(base_url=f"{gateway.address}/v1", api_key="any", max_retries=0) as made:
        messages: list[Any] = HI
        stream = made.chat.completions.create(
            model="tiny", messages=messages, stream=True, max_tokens=5, stream_options={"include_usage": True}
        )
        assert [chunk.usage.completion_tokens for chunk in stream if chunk.usage] == [5]
        assert len(made.embeddings.create(model="tiny", input="cat").data[0].embedding) == 64


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/v1/chat/completions"])
def test_slot_is_free_within_a_second_after_the_client_left(gateway: Master, llamacpp: str, path: str) -> None:
    """Only streams: this llama.cpp finishes whole answers even when its own client has left (ggml-org/llama.cpp#24496)."""
    body = {"model": "tiny", "messages": HI, "prompt": "hi", "stream": True, "options": ENDLESS, "max_tokens": 14000}
    with requests.post(gateway.address + path, json=body, stream=True, timeout=10) as reply:
        first_bytes = reply.iter_content(1)  # kept, because it takes the connection along when it goes
        next(first_bytes)
        assert busy_slots(llamacpp) == 1
    assert seconds_until_free(llamacpp) < _FREE_AGAIN_S


def test_parallel_streams_keep_apart(client: ollama.Client) -> None:
    options = {"num_predict": 40, "temperature": 0.0}
    questions = [[{"role": "user", "content": word}] for word in ("one", "two", "three", "four")]
    alone = [client.chat("tiny", question, options=options).message.content for question in questions]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda question: client.chat("tiny", question, options=options).message.content, questions))
    assert together == alone
