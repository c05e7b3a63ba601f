"""Health, metrics and counts of tokens where the host has its own."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import REGISTRY, generate_latest

from proxy import Proxy
from tests.facts.speech import chat_chunk, finish_chunk, usage_chunk
from tests.fake_upstream import FakeUpstream, stream_of
from tests.mounting.hosts import CHAT, Host, at, settings_for


def test_ops_when_left_out_are_the_hosts_to_have(host: Host, upstream: FakeUpstream) -> None:
    host.serve("/health", lambda: "the host is well")
    Proxy(settings_for(upstream)).init_app(host.app, ops=False)
    client = host.app.test_client()
    assert client.get("/health").data == b"the host is well"
    for path in ("/ready", "/metrics", "/v1/metrics", "/v1/version"):
        assert client.get(path).status_code == 404
    assert client.get("/api/version").status_code == 200


def test_metrics_of_the_host_are_not_the_gateways(client: FlaskClient, host: Host, prefix: str | None) -> None:
    client.get("/shop/count")
    client.get(at(prefix, "/api/version"))
    assert client.get("/shop/metrics").get_data(as_text=True).count("host_visits 1.0") == 1
    assert b"ollama_proxy" not in client.get("/shop/metrics").data
    ours = client.get(at(prefix, "/metrics")).get_data(as_text=True)
    assert "host_visits" not in ours
    assert 'route="/shop' not in ours


def test_default_registry_of_the_host_is_not_touched(upstream: FakeUpstream) -> None:
    before = generate_latest(REGISTRY)
    app = Flask("host", static_folder=None)
    Proxy(settings_for(upstream)).init_app(app)
    app.test_client().get("/api/version")
    assert b"ollama_proxy" not in generate_latest(REGISTRY)
    assert b"ollama_proxy" not in before


def test_tokens_of_relayed_streams_are_counted(client: FlaskClient, upstream: FakeUpstream, prefix: str | None) -> None:
    upstream.on("/chat/completions", stream_of(chat_chunk("a"), finish_chunk(), usage_chunk(1000, 500)))
    client.post(at(prefix, "/api/chat"), json=CHAT)
    before = tokens(client, prefix)
    for path in ("/v1/chat/completions", "/api/chat"):
        response = client.post(at(prefix, path), json={**CHAT, "stream": True})
        response.get_data()
        response.close()
    after = tokens(client, prefix)
    assert {direction: after[direction] - before.get(direction, 0) for direction in after} == {"prompt": 2000, "completion": 1000}


def tokens(client: FlaskClient, prefix: str | None) -> dict[str, float]:
    lines = client.get(at(prefix, "/metrics")).get_data(as_text=True).splitlines()
    found = {}
    for line in lines:
        if line.startswith("ollama_proxy_tokens_total{") and 'model="m"' in line:
            found["prompt" if 'direction="prompt"' in line else "completion"] = float(line.rpartition(" ")[2])
    return found
