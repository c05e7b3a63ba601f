"""Two upstreams, `boxes` and `cloud`: how they are configured, what they say and were asked, and what the gateway tells of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from tests.facts.speech import chat_chunk, chat_reply, embeddings_reply, finish_chunk, usage_chunk
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer, stream_of
from tests.gateway.from_outside import CHAT, MESSAGES

CHATS = ["/api/chat", "/api/generate", "/v1/chat/completions"]

TWO = """
[upstreams.boxes]
base_url = @boxes

[upstreams.cloud]
base_url = @cloud
api_key = "sk-of-the-cloud-0123456789"
"""
FALLBACK = f"""{TWO}
[fallbacks]
"big" = ["cloud/large"]
"""

Client = Callable[..., FlaskClient]


def ask(client: FlaskClient, path: str = "/api/chat", model: str = "big", **body: Any) -> TestResponse:
    return client.post(path, json={"model": model, "stream": False, "messages": MESSAGES, "prompt": "hi", "input": "hi", **body})


def says(upstream: FakeUpstream, text: str = "hello") -> None:
    """Lets the upstream answer everything with `text`, as it is asked to."""

    def chat(request: Request) -> Answer:
        if request.json.get("stream"):
            return stream_of(chat_chunk(text), finish_chunk(), usage_chunk(3, 2))
        return json_answer(chat_reply(text, usage={"prompt_tokens": 3, "completion_tokens": 2}))

    upstream.on(CHAT, chat)
    upstream.on("/embeddings", json_answer(embeddings_reply([[1.0, 0.0]])))


def asked(upstream: FakeUpstream, path: str = CHAT) -> list[Any]:
    """The models that the upstream was asked for."""
    return [request.json.get("model") for request in upstream.requests_to(path)]


def is_greeted_by(upstream: FakeUpstream, response: TestResponse) -> bool:
    """Whether all is well for the client, because this upstream has answered its only request for `large`."""
    is_well = response.status_code == 200 and "hello" in response.text and "error" not in response.text
    return is_well and asked(upstream) == ["large"]


def names(client: FlaskClient) -> list[str]:
    tags = client.get("/api/tags")
    assert tags.status_code == 200, tags.data
    return sorted(model["name"] for model in tags.get_json()["models"])


def ids(client: FlaskClient) -> list[str]:
    return sorted(model["id"] for model in client.get("/v1/models").get_json()["data"])


def metric(client: FlaskClient, name: str, **labels: str) -> float | None:
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == f"ollama_proxy_{name}"]
    return next((sample.value for sample in samples if labels.items() <= sample.labels.items()), None)
