"""`ollama-openai-proxy demo`: the scripted models as greenlets of the gateway's own worker."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import ollama
import pytest

from tests.live.gateways import Gateways
from tests.live.master import Master


@pytest.fixture(scope="module")
def demo(gateways: Gateways) -> Master:
    """A demo on a machine where an upstream is configured that does not exist."""
    return gateways.demo(
        OPENAI_API_BASE_URL="http://127.0.0.1:9/v1",
        OPENAI_API_KEY="sk-nobody",
        UPSTREAM_PROXY="http://127.0.0.1:9",
        UPSTREAM_PROFILE="groq",
    )


def count_to_fifty(address: str) -> tuple[str, float]:
    """What was said, and how long it took."""
    with ollama.Client(host=address) as client:
        began = time.monotonic()
        stream = client.chat("demo-chat", [{"role": "user", "content": "count to 50"}], stream=True)
        return "".join(part.message.content or "" for part in stream), time.monotonic() - began


def test_demo_knows_its_models_and_not_the_configured_upstream(demo: Master) -> None:
    with ollama.Client(host=demo.address) as client:
        assert [model.model for model in client.list().models][:2] == ["demo-chat:latest", "demo-thinking:latest"]
        assert "demo" in client.generate("demo-chat", "Who are you?").response


def test_demo_streams_are_paced_and_do_not_wait_for_each_other(demo: Master) -> None:
    with ThreadPoolExecutor(20) as pool:
        began = time.monotonic()
        answers = list(pool.map(count_to_fifty, [demo.address] * 20))
        took_s = time.monotonic() - began
    assert {text for text, _ in answers} == {" ".join(map(str, range(1, 51))) + " (counted by a demo)"}
    assert min(duration_s for _, duration_s in answers) > 50 * 0.01
    assert took_s < 20 * 50 * 0.01
