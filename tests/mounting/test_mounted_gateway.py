"""The gateway's own URLs in somebody else's app, for clients and for browsers."""

from __future__ import annotations

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from proxy import Proxy
from tests.facts.speech import chat_chunk, chat_reply, finish_chunk
from tests.fake_upstream import STALL, FakeUpstream, stream_of
from tests.mounting.hosts import CHAT, Host, at, fail, settings_for


def test_gateway_when_mounted_answers(client: FlaskClient, prefix: str | None) -> None:
    assert client.get(at(prefix, "/")).data == b"Ollama is running"
    assert client.get(at(prefix, "/api/tags")).get_json()["models"][0]["model"] == "m:latest"
    assert client.post(at(prefix, "/api/chat"), json=CHAT).get_json()["message"]["content"] == "hello from m"
    assert client.post(at(prefix, "/v1/chat/completions"), json=CHAT).get_json() == chat_reply("hello from m")
    assert client.get(at(prefix, "/v1/models/m")).get_json()["id"] == "m"
    assert client.get(at(prefix, "/health")).get_json()["status"] == "ok"
    assert b"ollama_proxy_requests_total" in client.get(at(prefix, "/metrics")).data


def test_gateway_when_mounted_is_seen_by_the_hosts_hooks(client: FlaskClient, host: Host, prefix: str | None) -> None:
    path = at(prefix, "/api/version")
    assert client.get(path).headers["X-Host"] == "was here"
    assert host.seen == [f"before {path}", f"after {path}", "teardown"]


def test_bodies_when_mounted_are_limited_by_the_gateways_setting(client: FlaskClient, prefix: str | None) -> None:
    long_chat = {**CHAT, "messages": [{"role": "user", "content": "x" * 1000}]}
    assert client.post(at(prefix, "/api/chat"), json=long_chat).status_code == 200


def test_errors_when_mounted_are_the_dialects(client: FlaskClient, prefix: str | None) -> None:
    response = client.post(at(prefix, "/api/chat"), data=b"{")
    assert response.status_code == 400
    assert list(response.get_json()) == ["error"]
    response = client.post(at(prefix, "/v1/chat/completions"), data=b"{")
    assert response.get_json()["error"]["type"] == "invalid_request_error"


def test_head_when_mounted_is_405_where_ollama_has_none(client: FlaskClient, prefix: str | None) -> None:
    assert client.head(at(prefix, "/api/ps")).status_code == 405
    assert client.head(at(prefix, "/api/tags")).status_code == 200


def test_unknown_url_and_method_below_the_prefix_are_the_hosts(client: FlaskClient, prefix: str | None) -> None:
    """A blueprint cannot see them; the host's handlers answer, as for all that it does not know."""
    assert client.get(at(prefix, "/api/nope")).get_json() == {"host": "404"}
    assert client.get(at(prefix, "/api/chat")).data == b"host 405"


def test_stream_when_mounted_flows(host: Host, client: FlaskClient, upstream: FakeUpstream, prefix: str | None) -> None:
    for path, first in (("/api/chat", b'"content":"a"'), ("/v1/chat/completions", b'"content": "a"')):
        gate = upstream.gate()
        answer = stream_of(chat_chunk("a"), done=False)
        upstream.on("/chat/completions", type(answer)(200, answer.headers, [*answer.steps, gate, *stream_of(finish_chunk()).steps]))
        response = client.post(at(prefix, path), json={**CHAT, "stream": True})
        pieces = iter(response.response)
        assert first in next(pieces)
        assert host.seen[-1] == "teardown"
        gate.set()
        assert b"stop" in b"".join(pieces)
        response.close()


def test_stream_when_mounted_and_left_frees_the_upstream(client: FlaskClient, upstream: FakeUpstream, prefix: str | None) -> None:
    upstream.on("/chat/completions", stream_of(chat_chunk("a"), done=False, then=[STALL]))
    response = client.post(at(prefix, "/api/chat"), json={**CHAT, "stream": True})
    next(iter(response.response))
    response.close()
    assert upstream.requests_to("/chat/completions")[-1].wait_closed(2)


def test_host_that_refuses_a_request_is_obeyed(host: Host, upstream: FakeUpstream) -> None:
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix="/llm")
    host.app.before_request(lambda: ("not you", 401) if request.path.startswith("/llm") else None)
    response = host.app.test_client().post("/llm/api/chat", json=CHAT)
    assert (response.status_code, response.data) == (401, b"not you")
    assert upstream.requests == []


def test_host_whose_hook_fails_at_our_url_is_told_apart_from_us(
    host: Host, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix="/llm")
    host.app.before_request(fail)
    response = host.app.test_client().post("/llm/api/chat", json=CHAT)
    assert response.status_code == 500
    assert "secret" not in response.get_data(as_text=True)
    assert [record for record in caplog.records if record.exc_info]


def test_host_that_handles_all_http_errors_keeps_its_own(upstream: FakeUpstream) -> None:
    app = Flask("strict", static_folder=None)
    app.register_error_handler(HTTPException, lambda error: (f"host {error.code}", error.code))
    Proxy(settings_for(upstream)).init_app(app, url_prefix="/llm")
    client = app.test_client()
    assert client.get("/nowhere").data == b"host 404"
    assert client.post("/llm/api/chat", data=b"{").status_code == 400


def test_preflight_of_our_url_when_mounted_is_ours(client: FlaskClient, prefix: str | None) -> None:
    response = client.options(at(prefix, "/api/chat"), headers={"Origin": "http://page.example", "Access-Control-Request-Method": "POST"})
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
