"""The gateway inside somebody else's app: everything that is the host's stays as it was."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, g, jsonify, request, session
from flask.testing import FlaskClient
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.test import TestResponse

from proxy import Proxy
from proxy.extension import start_gateways
from proxy.settings import Settings, SettingsError
from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, usage_chunk
from tests.fake_upstream import STALL, FakeUpstream, json_answer, stream_of
from tests.gateway import several

CHAT = {"model": "m", "stream": False, "messages": [{"role": "user", "content": "hi"}]}
PREFIXES = [None, "/llm"]


@pytest.fixture
def upstream(upstream: FakeUpstream) -> FakeUpstream:
    return scripted(upstream, "m")


@pytest.fixture
def other_upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield scripted(server, "other")


def scripted(upstream: FakeUpstream, model: str) -> FakeUpstream:
    upstream.on("/models", json_answer({"object": "list", "data": [{"id": model, "object": "model"}]}))
    upstream.on("/chat/completions", json_answer(chat_reply(f"hello from {model}")))
    return upstream


def settings_for(upstream: FakeUpstream, **settings: Any) -> Settings:
    chosen = {"openai_api_base_url": upstream.base_url, "max_retries": 0, **settings}
    return Settings.from_env({}, dotenv=None, **chosen)


class Host:
    """An app with a life of its own; `seen` is what its hooks noticed."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.registry = CollectorRegistry()
        self.visits = Gauge("host_visits", "Visits.", registry=self.registry)
        self.app = app = Flask("host", static_folder=None)
        app.config.update(SECRET_KEY="of-the-host", MAX_CONTENT_LENGTH=100)
        app.before_request(self._before)
        app.after_request(self._after)
        app.teardown_request(lambda _: self.seen.append("teardown"))
        app.register_error_handler(NotFound, lambda _: (jsonify(host="404"), 404))
        app.register_error_handler(405, lambda _: ("host 405", 405))
        app.register_error_handler(413, lambda _: ("host 413", 413))
        app.register_error_handler(ZeroDivisionError, lambda _: ("host 500", 500))
        self.serve("/shop", lambda: "the shop")
        self.serve("/shop/broken", self._broken)
        self.serve("/shop/missing", self._missing)
        self.serve("/shop/upload", lambda: request.get_data(), "POST")  # noqa: PLW0108 (`request` is bound late)
        self.serve("/shop/count", self._count)
        self.serve("/shop/metrics", lambda: Response(generate_latest(self.registry), content_type="text/plain"))

    def serve(self, rule: str, view: Callable[[], Any], method: str = "GET") -> None:
        self.app.add_url_rule(rule, rule.replace("/", "_"), view, methods=[method])

    def _before(self) -> None:
        self.seen.append(f"before {request.path}")
        g.of_the_host = "mine"

    def _after(self, response: Response) -> Response:
        self.seen.append(f"after {request.path}")
        response.headers["X-Host"] = "was here"
        return response

    def _broken(self) -> str:
        raise ZeroDivisionError

    def _missing(self) -> str:
        raise NotFound

    def _count(self) -> dict[str, int]:
        session["count"] = session.get("count", 0) + 1
        self.visits.inc()
        return {"count": session["count"]}


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture(params=PREFIXES)
def mounted(request: pytest.FixtureRequest, host: Host, upstream: FakeUpstream) -> FlaskClient:
    """The host with a gateway inside, at its root or below a prefix."""
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix=request.param)
    return host.app.test_client()


def told(response: TestResponse) -> tuple[int, str, str, list[str]]:
    """All of an answer but what differs from day to day."""
    headers = sorted(name for name in dict(response.headers) if name != "Date")
    return response.status_code, response.content_type, response.get_data(as_text=True), headers


HOSTS_OWN = [
    ("GET", "/shop", {}),
    ("HEAD", "/shop", {}),
    ("OPTIONS", "/shop", {}),
    ("OPTIONS", "/shop/upload", {}),
    ("OPTIONS", "/shop", {"headers": {"Origin": "http://page.example", "Access-Control-Request-Method": "GET"}}),
    ("GET", "/shop", {"headers": {"Origin": "http://page.example"}}),
    ("GET", "/shop", {"headers": {"Host": "evil.example"}}),
    ("GET", "/shop", {"headers": {"X-Request-ID": "abc"}}),
    ("GET", "/shop/", {}),
    ("POST", "/shop", {}),
    ("GET", "/shop/broken", {}),
    ("GET", "/shop/missing", {}),
    ("GET", "/nowhere", {}),
    ("POST", "/nowhere/at/all", {"data": b"{}"}),
    ("POST", "/shop/upload", {"data": b"x" * 100}),
    ("POST", "/shop/upload", {"data": b"x" * 101}),
    ("GET", "/shop/count", {}),
    ("GET", "/shop/metrics", {}),
]


@pytest.mark.parametrize(("method", "path", "how"), HOSTS_OWN)
def test_hosts_own_url_when_a_gateway_is_mounted_answers_as_before(
    mounted: FlaskClient, host: Host, method: str, path: str, how: dict[str, Any]
) -> None:
    alone = Host()
    expected = told(alone.app.test_client().open(path, method=method, **how))
    assert told(mounted.open(path, method=method, **how)) == expected
    assert host.seen == alone.seen


def test_hosts_defects_when_a_gateway_is_mounted_are_the_hosts(upstream: FakeUpstream) -> None:
    app = Flask("plain", static_folder=None)
    app.add_url_rule("/broken", view_func=fail)
    Proxy(settings_for(upstream)).init_app(app)
    response = app.test_client().get("/broken")
    assert response.status_code == 500
    assert b"Internal Server Error" in response.data
    app.config["TESTING"] = True
    with pytest.raises(RuntimeError, match="of the host"):
        app.test_client().get("/broken")


def test_nothing_of_the_hosts_is_changed_by_mounting(host: Host, upstream: FakeUpstream) -> None:
    app = host.app
    before = (dict(app.config), dict(app.before_request_funcs), dict(app.after_request_funcs), app.url_rule_class, app.wsgi_app)
    handlers = {code: dict(kinds) for code, kinds in app.error_handler_spec[None].items()}
    Proxy(settings_for(upstream)).init_app(app, url_prefix="/llm")
    assert before[0] == dict(app.config)
    assert before[1][None] == app.before_request_funcs[None]
    assert before[2][None] == app.after_request_funcs[None]
    assert before[3:] == (app.url_rule_class, app.wsgi_app)
    assert handlers == {code: dict(kinds) for code, kinds in app.error_handler_spec[None].items()}


def test_hosts_access_when_a_gateway_is_mounted_is_not_logged_by_it(mounted: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    mounted.get("/shop")
    mounted.get("/nowhere")
    assert [record.name for record in caplog.records if record.name.startswith("proxy")] == []


def test_mounting_sends_nothing_and_begins_no_thread_until_it_is_started(
    host: Host, upstream: FakeUpstream, other_upstream: FakeUpstream, tmp_path: Path
) -> None:
    """The host's server may fork afterwards: what was begun before would be missing there, and its connections everybody's."""
    addresses = {"one": f'"{upstream.base_url}"', "other": f'"{other_upstream.base_url}"'}
    watched = several.config_of(tmp_path, "[upstreams.both]\nbase_url = [@one, @other]\nhealth_check_interval = 60\n", addresses)
    before = set(threading.enumerate())
    Proxy(watched).init_app(host.app, url_prefix="/llm")
    assert set(threading.enumerate()) <= before
    assert upstream.requests == other_upstream.requests == []
    start_gateways(host.app)
    assert upstream.wait_for_requests(1, path="/models")
    assert other_upstream.wait_for_requests(1, path="/models")


def test_app_without_a_gateway_has_nothing_to_start() -> None:
    start_gateways(Flask("plain"))
    start_gateways(object())


def test_session_of_the_host_when_a_gateway_is_mounted_goes_on(mounted: FlaskClient) -> None:
    assert [mounted.get("/shop/count").get_json()["count"] for _ in range(3)] == [1, 2, 3]


# The gateway's own URLs


def at(prefix: str | None, path: str) -> str:
    return f"{prefix or ''}{path}"


@pytest.fixture(params=PREFIXES)
def prefix(request: pytest.FixtureRequest) -> str | None:
    chosen: str | None = request.param
    return chosen


@pytest.fixture
def client(host: Host, upstream: FakeUpstream, prefix: str | None) -> FlaskClient:
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix=prefix)
    return host.app.test_client()


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


def fail() -> None:
    raise RuntimeError("a secret of the host")


def test_host_that_handles_all_http_errors_keeps_its_own(upstream: FakeUpstream) -> None:
    app = Flask("strict", static_folder=None)
    app.register_error_handler(HTTPException, lambda error: (f"host {error.code}", error.code))
    Proxy(settings_for(upstream)).init_app(app, url_prefix="/llm")
    client = app.test_client()
    assert client.get("/nowhere").data == b"host 404"
    assert client.post("/llm/api/chat", data=b"{").status_code == 400


# Several mounts


def test_two_prefixes_have_settings_and_upstreams_of_their_own(host: Host, upstream: FakeUpstream, other_upstream: FakeUpstream) -> None:
    Proxy(settings_for(upstream, ollama_version="1.0.0", request_max_size=50)).init_app(host.app, url_prefix="/a")
    Proxy(settings_for(other_upstream, ollama_version="2.0.0", default_model="other")).init_app(host.app, url_prefix="/b")
    client = host.app.test_client()
    for _ in range(2):
        assert client.get("/a/api/version").get_json() == {"version": "1.0.0"}
        assert client.get("/b/api/version").get_json() == {"version": "2.0.0"}
        assert client.get("/a/api/tags").get_json()["models"][0]["model"] == "m:latest"
        assert client.get("/b/api/tags").get_json()["models"][0]["model"] == "other:latest"
    assert client.post("/a/api/chat", json=CHAT).status_code == 413
    assert client.post("/b/api/chat", json={**CHAT, "model": ""}).get_json()["message"]["content"] == "hello from other"
    assert upstream.requests_to("/chat/completions") == []


def test_one_proxy_may_be_mounted_twice(host: Host, upstream: FakeUpstream) -> None:
    proxy = Proxy(settings_for(upstream))
    proxy.init_app(host.app, url_prefix="/a")
    proxy.init_app(host.app)
    client = host.app.test_client()
    assert client.get("/a/api/version").get_json() == client.get("/api/version").get_json()


def test_service_when_mounted_lists_the_urls_of_its_own_mount(host: Host, upstream: FakeUpstream) -> None:
    for number in range(12):
        Proxy(settings_for(upstream)).init_app(host.app, url_prefix=f"/p{number}")
    listed = host.app.test_client().get("/p1/", headers={"Accept": "application/json"}).get_data(as_text=True)
    assert "/p1/api/chat" in listed
    assert "/p11/" not in listed


@pytest.mark.parametrize(("first", "second"), [(None, None), ("/a", "/a"), ("/a", "/a/"), (None, ""), ("", "/"), ("/a/", "/a")])
def test_same_prefix_twice_raises(host: Host, upstream: FakeUpstream, first: str | None, second: str | None) -> None:
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix=first)
    with pytest.raises(RuntimeError, match="already mounted"):
        Proxy(settings_for(upstream)).init_app(host.app, url_prefix=second)


@pytest.mark.parametrize("prefix", ["/llm/", "/llm//", "/llm"])
def test_prefix_with_a_slash_at_its_end_is_the_same_prefix(host: Host, upstream: FakeUpstream, prefix: str) -> None:
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix=prefix)
    client = host.app.test_client()
    assert client.get("/llm/api/version").status_code == 200
    assert client.get("/llm/").data == b"Ollama is running"
    assert client.get("/llm").data == b"Ollama is running"


@pytest.mark.parametrize("prefix", ["llm", "llm/"])
def test_prefix_without_a_slash_at_its_beginning_is_refused_and_leaves_nothing_behind(
    host: Host, upstream: FakeUpstream, prefix: str
) -> None:
    rules = len(list(host.app.url_map.iter_rules()))
    for _ in range(2):
        with pytest.raises(ValueError, match="must start with a slash"):
            Proxy(settings_for(upstream)).init_app(host.app, url_prefix=prefix)
    assert len(list(host.app.url_map.iter_rules())) == rules
    assert host.app.extensions["proxy"] == {}
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix="/llm")
    assert host.app.test_client().get("/llm/api/version").status_code == 200


def test_mounting_that_fails_can_be_done_again(host: Host, upstream: FakeUpstream) -> None:
    with pytest.raises(SettingsError):
        Proxy(settings_for(upstream, upstream_profile="nonsense")).init_app(host.app)
    Proxy(settings_for(upstream)).init_app(host.app)
    assert host.app.test_client().get("/api/version").status_code == 200


def test_proxy_without_an_upstream_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_BASE_URL"):
        Proxy(Settings.from_env({}, dotenv=None))


# Operation


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


# Browsers


def test_preflight_of_our_url_when_mounted_is_ours(client: FlaskClient, prefix: str | None) -> None:
    response = client.options(at(prefix, "/api/chat"), headers={"Origin": "http://page.example", "Access-Control-Request-Method": "POST"})
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
