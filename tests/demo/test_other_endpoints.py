"""The demo's completions, embeddings, model list and error pages, over a real socket."""

from __future__ import annotations

import base64
import math
import struct
import time
from operator import mul
from typing import Any

import openai
import orjson
import pytest
import requests

from proxy.demo.serving import start_demo_server
from proxy.demo.vectors import embed


def test_completion_continues_the_prompt(demo: openai.OpenAI) -> None:
    answer = demo.completions.create(model="demo-chat", prompt="Once upon a time")
    assert answer.object == "text_completion"
    assert "“time”" in answer.choices[0].text
    assert "demo" in answer.choices[0].text
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 4


def test_completion_fills_the_gap_when_there_is_a_suffix(demo: openai.OpenAI) -> None:
    text = demo.completions.create(model="demo-chat", prompt="def f():", suffix="return x").choices[0].text
    assert "“f():”" in text
    assert "“return”" in text


def test_completion_has_one_choice_per_prompt_and_echoes_when_asked(demo: openai.OpenAI) -> None:
    answer = demo.completions.create(model="demo-chat", prompt=["red", "blue"], echo=True, max_tokens=3, logprobs=1)
    assert [(choice.index, choice.text.split()[0], choice.finish_reason) for choice in answer.choices] == [
        (0, "red", "length"),
        (1, "blue", "length"),
    ]
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.text_offset == [0, 3, 5]


def test_completion_streams_the_same_text(demo: openai.OpenAI) -> None:
    whole = demo.completions.create(model="demo-chat", prompt="red")
    chunks = list(demo.completions.create(model="demo-chat", prompt="red", stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == whole.choices[0].text
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage


def test_embedding_is_of_unit_length_and_nearer_to_similar_texts(demo: openai.OpenAI) -> None:
    texts = ["the cat sleeps on the sofa", "a cat is sleeping on a sofa", "interest rates rise again"]
    cat, other_cat, money = (item.embedding for item in demo.embeddings.create(model="demo-embed", input=texts).data)
    assert math.isclose(math.hypot(*cat), 1.0, abs_tol=1e-6)
    assert len(cat) == 256
    assert sum(map(mul, cat, other_cat)) > sum(map(mul, cat, money)) + 0.3


def test_embedding_has_the_dimensions_asked_for(demo: openai.OpenAI) -> None:
    vector = demo.embeddings.create(model="demo-embed", input="cat", dimensions=16).data[0].embedding
    assert len(vector) == 16
    assert math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-6)


@pytest.mark.parametrize("dimensions", [1, 2, 256])
@pytest.mark.parametrize("text", ["", "!?", "a", "cat cat cat"])
def test_embedding_is_of_unit_length_whatever_the_text(text: str, dimensions: int) -> None:
    assert math.isclose(math.hypot(*embed(text, dimensions)), 1.0)


def test_embedding_comes_as_base64_when_asked_for(demo_url: str) -> None:
    reply = requests.post(f"{demo_url}/embeddings", json={"model": "demo-embed", "input": ["cat"], "encoding_format": "base64"}, timeout=10)
    raw = base64.b64decode(reply.json()["data"][0]["embedding"])
    assert list(struct.unpack("<256f", raw)) == pytest.approx(embed("cat"), abs=1e-6)


@pytest.mark.parametrize(
    ("path", "payload", "param", "code"),
    [
        ("/embeddings", {"model": "demo-embed"}, "input", None),
        ("/embeddings", {"model": "demo-embed", "input": []}, "input", None),
        ("/embeddings", {"model": "demo-embed", "input": [[1, 2]]}, "input", None),
        ("/embeddings", {"model": "demo-embed", "input": "x", "dimensions": 0}, "dimensions", None),
        ("/embeddings", {"model": "demo-embed", "input": "word " * 513}, "input", "context_length_exceeded"),
        ("/embeddings", {"model": "demo-chat", "input": "x"}, "model", None),
        ("/completions", {"model": "demo-embed", "prompt": "x"}, "model", None),
        ("/completions", {"model": "demo-chat", "prompt": 5}, "prompt", None),
    ],
)
def test_request_is_refused_when_a_field_is_wrong(demo_url: str, path: str, payload: dict[str, Any], param: str, code: str | None) -> None:
    reply = requests.post(demo_url + path, json=payload, timeout=10)
    assert reply.status_code == 400
    assert (reply.json()["error"]["param"], reply.json()["error"]["code"]) == (param, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
def test_body_is_refused_when_it_is_no_json_object(demo_url: str, body: bytes) -> None:
    reply = requests.post(f"{demo_url}/chat/completions", data=body, timeout=10)
    assert reply.status_code == 400
    assert "JSON" in reply.json()["error"]["message"]


def test_model_list_tells_what_each_model_can_do(demo_url: str) -> None:
    listed = {entry["id"]: entry for entry in requests.get(f"{demo_url}/models", timeout=10).json()["data"]}
    assert list(listed) == ["demo-chat", "demo-thinking", "demo-tools", "demo-vision", "demo-json", "demo-embed"]
    assert listed["demo-vision"]["architecture"]["input_modalities"] == ["text", "image"]
    assert listed["demo-embed"]["capabilities"] == ["embedding"]
    assert "tools" in listed["demo-tools"]["supported_parameters"]
    assert listed["demo-chat"]["context_length"] == 8192
    assert requests.get(f"{demo_url}/models/demo-tools", timeout=10).json() == listed["demo-tools"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/models/a/b", 404, "model_not_found"), ("GET", "/nothing", 404, None), ("GET", "/chat/completions", 405, None)],
)
def test_error_is_openais_object_when_nothing_is_there(demo_url: str, method: str, path: str, status: int, code: str | None) -> None:
    reply = requests.request(method, demo_url + path, timeout=10)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


def test_stream_is_paced_when_a_pace_is_set() -> None:
    server = start_demo_server(pace_s=0.02)
    try:
        began, arrivals = time.monotonic(), []
        payload = {"model": "demo-chat", "messages": [{"role": "user", "content": "count to 5"}], "stream": True}
        with requests.post(f"{server.base_url}/chat/completions", data=orjson.dumps(payload), stream=True, timeout=10) as reply:
            arrivals = [time.monotonic() - began for line in reply.iter_lines(chunk_size=1) if line]
        assert arrivals[-1] - arrivals[0] > 0.02 * 5
    finally:
        server.stop()
