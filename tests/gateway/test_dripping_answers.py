"""Whole answers that begin and then drip, or never end: their client has nothing of them, and is served elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from proxy.dialect import MAX_TEXT_BYTES
from tests.facts.speech import chat_reply, embeddings_reply
from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.gateway import several

JSON = {"Content-Type": "application/json"}
CHATS = ["/api/chat", "/v1/chat/completions"]
VECTORS = ["/api/embed", "/v1/embeddings"]
DRIPPING: list[Any] = [b'{"id":"c","object":', *[b" ", 0.05] * 200]
DRIP = Answer(200, JSON, DRIPPING)
REPLICAS = """
[upstreams.both]
base_url = [@boxes, @cloud]
policy = "weighted_round_robin"
timeouts = {first_byte = 0.3, idle = 2}
"""
FALLBACK = """
[upstreams.boxes]
base_url = @boxes
timeouts = {first_byte = 0.3, idle = 2}

[upstreams.cloud]
base_url = @cloud

[fallbacks]
big = ["cloud/large"]
"""


@pytest.fixture
def cloud() -> Iterator[FakeUpstream]:
    with several.an_upstream("large") as upstream:
        yield upstream


def a_client(folder: Path, text: str, **upstreams: FakeUpstream) -> FlaskClient:
    return several.a_client(folder, text, {"MAX_RETRIES": "2"}, **upstreams)


def ask(client: FlaskClient, path: str, **body: Any) -> TestResponse:
    question = {"messages": [{"role": "user", "content": "hi"}], "input": "hi"}
    return client.post(path, json={"model": "big", "stream": False, **question, **body})


def serves(upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", json_answer(chat_reply("hello")))
    upstream.on("/embeddings", json_answer(embeddings_reply([[1.0]])))


@pytest.mark.parametrize("path", CHATS + VECTORS)
@pytest.mark.parametrize("text", [REPLICAS, FALLBACK], ids=["replica", "fallback"])
def test_upstream_whose_answer_drips_is_left_for_the_next(
    tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream, path: str, text: str
) -> None:
    asked = "/embeddings" if path in VECTORS else "/chat/completions"
    boxes.on(asked, DRIP)
    serves(cloud)
    client, began_s = a_client(tmp_path, text, boxes=boxes, cloud=cloud), time.monotonic()
    assert [ask(client, path).status_code for _ in range(2)] == [200, 200]
    assert time.monotonic() - began_s < 5
    assert boxes.requests_to(asked)[0].wait_closed(2)


@pytest.mark.parametrize("path", CHATS)
def test_upstream_whose_answer_drips_and_that_is_the_only_one_is_a_timeout(tmp_path: Path, boxes: FakeUpstream, path: str) -> None:
    boxes.on("/chat/completions", DRIP)
    client = several.a_client(tmp_path, FALLBACK.partition("[upstreams.cloud]")[0], boxes=boxes)
    response = ask(client, path)
    assert response.status_code == 504
    assert "neither the end of its answer nor 64 KiB more of it for 0.3 s (FIRST_BYTE_TIMEOUT)" in response.text


@pytest.mark.parametrize("path", CHATS)
def test_chat_whose_answer_is_endless_is_given_up_before_it_fills_the_memory(tmp_path: Path, boxes: FakeUpstream, path: str) -> None:
    boxes.on("/chat/completions", Answer(200, JSON, [b'{"id":"', *[b"x" * 1024 * 1024] * 100]))
    client = several.a_client(tmp_path, "[upstreams.boxes]\nbase_url = @boxes\n", boxes=boxes)
    response = ask(client, path)
    assert (response.status_code, f"larger than {MAX_TEXT_BYTES} bytes" in response.text) == (502, True)


@pytest.mark.parametrize("path", VECTORS)
def test_vectors_may_be_larger_than_any_chat(tmp_path: Path, boxes: FakeUpstream, path: str) -> None:
    whole = json.dumps(embeddings_reply([[0.5]])).encode()
    blanks = [b" " * 1024 * 1024] * (MAX_TEXT_BYTES // 1024 // 1024 + 1)
    boxes.on("/embeddings", Answer(200, JSON, [whole[:1], *blanks, whole[1:]]))
    client = several.a_client(tmp_path, "[upstreams.boxes]\nbase_url = @boxes\n", boxes=boxes)
    assert ask(client, path).status_code == 200
