"""What is wrong with one client's request, by a real llama.cpp that calls it 500: the next client is served as if nothing had been."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import ollama
import openai
import pytest
import requests

from tests.live.gateways import Gateways
from tests.live.master import Master
from tests.live.pictures import PNG_BASE64

WAV_BASE64 = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt ").decode()
LONG = "word " * 900  # More than the 512 tokens of which llama.cpp makes a vector in one go.
TURNS = 3


@pytest.fixture(scope="module")
def gateway(gateways: Gateways, llamacpp: str) -> Master:
    return gateways.serving(f"{llamacpp}/v1", MAX_RETRIES="3", BREAKER_FAILURES="2")


@pytest.fixture(scope="module")
def in_anthropics_language(gateways: Gateways, llamacpp: str, tmp_path_factory: pytest.TempPathFactory) -> Master:
    file = tmp_path_factory.mktemp("messages") / "proxy.toml"
    file.write_text(f'[upstreams.box]\ndialect = "anthropic"\nbase_url = "{llamacpp}"\n', encoding="utf-8")
    return gateways.configured(file, MAX_RETRIES="3", BREAKER_FAILURES="2")


@pytest.fixture
def innocent(gateway: Master) -> Iterator[None]:
    """Somebody else, who is served when the test's own client has done what it did."""
    yield
    ensure_serves(gateway)


def ensure_serves(gateway: Master) -> None:
    with ollama.Client(host=gateway.address) as client:
        for _ in range(2):
            assert client.chat("tiny", [{"role": "user", "content": "hi"}], options={"num_predict": 3}).eval_count == 3


@pytest.mark.usefixtures("innocent")
@pytest.mark.parametrize("kind", ["image", "audio"])
def test_openais_clients_hear_of_media_that_the_model_cannot_take_with_400(gateway: Master, kind: str) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}}
    sound = {"type": "input_audio", "input_audio": {"data": WAV_BASE64, "format": "wav"}}
    messages: list[Any] = [{"role": "user", "content": [picture if kind == "image" else sound]}]
    with openai.OpenAI(base_url=f"{gateway.address}/v1", api_key="any") as client:
        for _ in range(TURNS):
            with pytest.raises(openai.BadRequestError, match=f"{kind} input is not supported.*; send it to a model that takes") as told:
                client.chat.completions.create(model="tiny", messages=messages)
            assert (told.value.type, told.value.code) == ("invalid_request_error", "invalid_value")


@pytest.mark.usefixtures("innocent")
@pytest.mark.parametrize("stream", [False, True])
def test_ollamas_clients_hear_of_a_picture_with_400(gateway: Master, stream: bool) -> None:
    messages = [{"role": "user", "content": "what?", "images": [PNG_BASE64]}]
    with ollama.Client(host=gateway.address) as client:
        for _ in range(TURNS):
            with pytest.raises(ollama.ResponseError, match=r"image input is not supported.*mmproj") as told:
                list(client.chat("tiny", messages, stream=stream))
            assert told.value.status_code == 400


@pytest.mark.parametrize("language", ["openai", "anthropic"])
def test_anthropics_clients_hear_of_a_picture_with_400(request: pytest.FixtureRequest, language: str) -> None:
    gateway: Master = request.getfixturevalue("gateway" if language == "openai" else "in_anthropics_language")
    source: Any = {"type": "base64", "media_type": "image/png", "data": PNG_BASE64}
    with anthropic.Anthropic(base_url=gateway.address, api_key="any") as client:
        for _ in range(TURNS):
            with pytest.raises(anthropic.BadRequestError, match="image input is not supported") as told:
                client.messages.create(
                    model="tiny", max_tokens=3, messages=[{"role": "user", "content": [{"type": "image", "source": source}]}]
                )
            assert told.value.type == "invalid_request_error"
    ensure_serves(gateway)


@pytest.mark.usefixtures("innocent")
def test_a_text_that_is_too_long_for_a_vector_is_its_clients_alone(gateway: Master) -> None:
    with openai.OpenAI(base_url=f"{gateway.address}/v1", api_key="any") as client:
        for _ in range(TURNS):
            with pytest.raises(openai.BadRequestError, match=r"too large to process.*; send shorter texts") as told:
                client.embeddings.create(model="tiny", input=LONG)
            assert told.value.code == "context_length_exceeded"
    for _ in range(TURNS):
        answer = requests.post(f"{gateway.address}/api/embed", json={"model": "tiny", "input": LONG, "truncate": False}, timeout=10)
        assert (answer.status_code, answer.json()) == (400, {"error": "the input length exceeds the context length"})


@pytest.mark.usefixtures("innocent")
def test_long_texts_are_shortened_once_each_four_at_a_time(gateway: Master) -> None:
    def embed(_: int) -> int:
        with ollama.Client(host=gateway.address) as client:
            return len(client.embed("tiny", LONG).embeddings[0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(embed, range(8))) == [64] * 8
