"""The gateway as an app of its own: unknown URLs, wrong methods, slashes, HEAD, defects of ours, request ids, settings."""

from __future__ import annotations

import inspect
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse, create_environ

from proxy import create_app
from proxy.dialects.registry import DIALECTS
from proxy.gateway import Gateway, Sent
from proxy.settings import Settings, SettingsError
from proxy.web.mounting import attach_mount
from proxy.web.state import MountState
from proxy.wire.messages import Reply
from tests.facts.speech import chat_reply
from tests.fake_upstream import CUT, STALL, Answer, FakeUpstream, json_answer

CHAT = {"model": "m", "stream": False, "messages": [{"role": "user", "content": "hi"}]}


def an_app(upstream: FakeUpstream, **settings: Any) -> Flask:
    chosen = {"openai_api_base_url": upstream.base_url, "max_retries": 0, "enable_metrics": False, **settings}
    return create_app(Settings.from_env({}, dotenv=None, **chosen))


@pytest.fixture
def upstream(upstream: FakeUpstream) -> FakeUpstream:
    upstream.on("/models", json_answer({"object": "list", "data": [{"id": "m", "object": "model"}]}))
    upstream.on("/chat/completions", json_answer(chat_reply("hello")))
    return upstream


@pytest.fixture
def client(upstream: FakeUpstream) -> FlaskClient:
    return an_app(upstream).test_client()


# What is left out of Flask


def a_route(app: Flask, request: Request, *, by_flask: bool) -> tuple[Any, str]:
    """Where `request` leads, or what is told instead, and a URL as it is built there."""
    adapter = Flask.create_url_adapter(app, request) if by_flask else app.create_url_adapter(request)
    assert adapter is not None
    try:
        found: Any = adapter.match(return_rule=True)
    except HTTPException as error:
        found = (error.code, getattr(error, "valid_methods", None), getattr(error, "new_url", None))
    return found, adapter.build("proxy1_ollama.get_head /api/tags", force_external=True)


@pytest.mark.parametrize(
    "path", ["/", "/api/chat", "/api/tags", "/api/nope", "/v1/models/org/m", "/v1/models/gr\u00fc\u00df", "/api//tags", "*"]
)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"HTTP_HOST": "Gate.example:8080"},
        {"HTTP_HOST": "bad host\\"},
        {"SCRIPT_NAME": "/below"},
        {"wsgi.url_scheme": "https", "QUERY_STRING": "a=b"},
        {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "keep-alive, Upgrade"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_requests_lead_where_flask_leads_them(upstream: FakeUpstream, method: str, path: str, more: dict[str, str]) -> None:
    app = an_app(upstream)
    environ = {**create_environ("/", method=method), "PATH_INFO": path.encode().decode("latin-1"), **more}
    ours, flasks = (a_route(app, app.request_class(dict(environ)), by_flask=by_flask) for by_flask in (False, True))
    assert (ours[0], ours[1].lower()) == (flasks[0], flasks[1].lower())


@pytest.mark.parametrize(
    "config", [{"TRUSTED_HOSTS": ["gate.example"]}, {"TRUSTED_HOSTS": ["gate.example"], "SERVER_NAME": "gate.example"}]
)
def test_hosts_that_flask_is_told_to_trust_are_the_only_ones(upstream: FakeUpstream, config: dict[str, Any]) -> None:
    app = an_app(upstream)
    app.config.update(config)
    assert app.test_client().get("/api/tags", headers={"Host": "gate.example"}).status_code == 200
    assert app.test_client().get("/api/tags", headers={"Host": "evil.example"}).status_code == 400


def test_no_view_and_no_hook_is_a_coroutine(upstream: FakeUpstream) -> None:
    app = an_app(upstream)
    hooks = [hook for kind in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs) for hook in sum_of(kind)]
    handlers = [handler for codes in app.error_handler_spec.values() for kinds in codes.values() for handler in kinds.values()]
    functions = [*app.view_functions.values(), *hooks, *handlers]
    assert len(functions) > 30
    assert [function for function in functions if inspect.iscoroutinefunction(inspect.unwrap(function))] == []


def sum_of(lists: Mapping[Any, list[Any]]) -> list[Any]:
    return [function for functions in lists.values() for function in functions]


# Unknown URLs and wrong methods


@pytest.mark.parametrize(
    "path", ["/nope", "/api", "/api/nope", "/v1", "/v1x/models", "/apix/chat", "/api/chat/more", "/static/x", "/favicon.ico"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "PATCH"])
def test_unknown_url_is_told_as_ollama_tells_it(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method)
    assert (response.status_code, response.data, response.content_type) == (404, b"404 page not found", "text/plain")


@pytest.mark.parametrize("path", ["/v1/nope", "/v1/chat", "/v1/chat/completions/more", "/v1/responses/x/y"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_url_of_openais_is_told_as_openais_clients_read_it(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method)
    assert response.status_code == 404
    assert response.content_type == "application/json; charset=utf-8"
    error = {"message": f"unknown URL: {method} {path}", "type": "invalid_request_error", "param": None, "code": "unknown_url"}
    assert json.loads(response.data) == {"error": error}


@pytest.mark.parametrize("path", ["/v1/responses/input_tokens", "/v1/responses/compact"])
def test_what_cannot_be_done_with_responses_is_no_wrong_method(client: FlaskClient, path: str) -> None:
    response = client.post(path, json={"model": "m", "input": "hi"})
    assert (response.status_code, response.get_json()["error"]["message"]) == (404, f"unknown URL: POST {path}")
    assert client.get(path).get_json()["error"]["code"] is None  # a response that may be called so


@pytest.mark.parametrize("path", ["/v1/nope", "/metrics"])
def test_unknown_url_is_not_counted_as_a_defect(client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str) -> None:
    with caplog.at_level(logging.INFO, "proxy.access"):
        assert client.get(path, buffered=True).status_code == 404
    assert [vars(record)["error_kind"] for record in caplog.records if record.name == "proxy.access"] == ["not_found"]


@pytest.mark.parametrize("path", ["/nope", "/v1/nope"])
def test_head_of_an_unknown_url_has_no_body(client: FlaskClient, path: str) -> None:
    response = client.head(path)
    assert (response.status_code, response.data) == (404, b"")


def test_unknown_url_that_is_odd_is_no_defect(client: FlaskClient) -> None:
    for path in ("/%ff%fe", "/v1/%ff", "/%00", "/v1/%0d%0aX-Evil:%201", "/..%2f..%2fetc/passwd", "/" + "x" * 5000):
        response = client.get(path)
        assert response.status_code == 404
        assert "X-Evil" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/chat", "POST"),
        ("GET", "/api/show", "POST"),
        ("POST", "/api/tags", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("POST", "/api/ps", "GET"),
        ("HEAD", "/api/ps", "GET"),
        ("GET", "/api/delete", "DELETE"),
        ("POST", "/health", "GET, HEAD"),
        ("PUT", "/metrics", "GET, HEAD"),
        ("TRACE", "/api/chat", "POST"),
        ("MADEUP", "/api/chat", "POST"),
    ],
)
def test_wrong_method_names_the_right_ones(client: FlaskClient, method: str, path: str, allow: str) -> None:
    response = client.open(path, method=method)
    assert (response.status_code, response.headers["Allow"], response.content_type) == (405, allow, "text/plain")
    assert response.data == (b"" if method == "HEAD" else b"405 method not allowed")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models/m", "GET"),
        ("PUT", "/v1/responses/resp_1", "DELETE, GET"),
        ("POST", "/v1/responses/resp_1", "DELETE, GET"),
    ],
)
def test_wrong_method_of_openais_is_told_as_openais_clients_read_it(client: FlaskClient, method: str, path: str, allow: str) -> None:
    response = client.open(path, method=method)
    assert (response.status_code, response.headers["Allow"]) == (405, allow)
    message = f"{method} is not allowed at {path}"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "method_not_supported"}
    assert response.get_json() == {"error": error}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/v1/messages", {}),
        ("DELETE", "/v1/messages/count_tokens", {"anthropic-version": "2023-06-01"}),
        ("POST", "/v1/models", {"anthropic-version": "2023-06-01"}),
    ],
)
def test_wrong_method_of_anthropics_is_told_as_its_clients_read_it(
    client: FlaskClient, method: str, path: str, headers: dict[str, str]
) -> None:
    response = client.open(path, method=method, headers=headers)
    assert response.status_code == 405
    told = response.get_json()
    assert (told["type"], told["error"]["message"]) == ("error", f"{method} is not allowed at {path}")


@pytest.mark.parametrize("path", ["/", "/api/tags", "/api/version", "/health", "/v1/version"])
def test_head_where_it_is_allowed_has_no_body(client: FlaskClient, path: str) -> None:
    response = client.head(path)
    assert (response.status_code, response.data) == (200, b"")
    assert response.content_type == client.get(path).content_type


@pytest.mark.parametrize("path", ["/api/ps", "/api/status", "/v1/models", "/v1/models/m", "/api/chat", "/v1/chat/completions"])
def test_head_where_ollama_has_none_is_405(client: FlaskClient, path: str) -> None:
    assert client.head(path).status_code == 405


# Slashes


@pytest.mark.parametrize(
    "path", ["//api/chat", "/api//chat", "/api/chat/", "///api///chat///", "/v1//chat/completions", "//v1/chat/completions/"]
)
def test_slashes_that_are_too_many_change_nothing_and_keep_the_body(client: FlaskClient, path: str) -> None:
    response = client.post("/", json=CHAT, environ_overrides={"PATH_INFO": path})
    assert response.status_code == 200
    assert b"hello" in response.data


@pytest.mark.parametrize("path", ["//", "///", "/"])
def test_root_is_found_by_any_number_of_slashes(client: FlaskClient, path: str) -> None:
    assert client.get("/", environ_overrides={"PATH_INFO": path}).data == b"Ollama is running"


def test_query_when_slashes_are_tidied_stays(client: FlaskClient) -> None:
    assert client.get("/?a=//b/", environ_overrides={"PATH_INFO": "//api/version/"}).status_code == 200


@pytest.mark.parametrize("path", ["//nope/", "//evil.example/..", "///", "/nope//"])
def test_slashes_redirect_nowhere(client: FlaskClient, path: str) -> None:
    response = client.get("/", environ_overrides={"PATH_INFO": path})
    assert response.status_code == (200 if path == "///" else 404)
    assert "Location" not in response.headers


# Defects


class BrokenGateway:
    """A gateway with a defect in each of its ways."""

    tells_clients_apart = False

    def answer(self, sent: Sent, *_: Any) -> Reply:
        return Reply(200, "application/x-ndjson", broken_body()) if sent.payload["stream"] else self.models()

    def models(self) -> Any:
        raise RuntimeError("a secret of the house, sk-0123456789abcdef")

    def lists_as_its_own(self, _: str) -> bool:
        return False

    def find_model(self, _: str) -> Any:
        return self.models()


def broken_body() -> Iterator[bytes]:
    yield b"{}\n"
    raise ZeroDivisionError


def a_broken_client(**settings: Any) -> FlaskClient:
    app = Flask("broken", static_folder=None)
    mount = MountState(replace(Settings(), **settings), cast(Gateway, BrokenGateway()), None)
    for name, dialect in DIALECTS.items():
        if dialect.make_blueprint is None:
            continue
        blueprint = dialect.make_blueprint(name)
        attach_mount(blueprint, mount)
        app.register_blueprint(blueprint)
    return app.test_client()


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/api/tags", "/v1/models/m"])
@pytest.mark.parametrize("debug", [True, False])
def test_defect_is_told_by_its_request_id_and_logged_once(caplog: pytest.LogCaptureFixture, path: str, debug: bool) -> None:
    caplog.set_level(logging.DEBUG)
    method = "GET" if path in ("/api/tags", "/v1/models/m") else "POST"
    response = a_broken_client(debug=debug).open(path, method=method, json=CHAT, headers={"X-Request-ID": "abc-1"})
    assert response.status_code == 500
    assert response.content_type == "application/json; charset=utf-8"
    assert response.headers["X-Request-ID"] == "abc-1"
    text = response.get_data(as_text=True)
    assert "abc-1" in text
    assert not any(word in text for word in ("secret", "sk-", "Traceback", "RuntimeError", ".py"))
    logged = [record for record in caplog.records if record.exc_info]
    assert [(record.name, vars(record)["request_id"]) for record in logged] == [("proxy.error", "abc-1")]


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_defect_in_a_stream_is_the_servers_to_cut_and_is_noted_as_failed(caplog: pytest.LogCaptureFixture, path: str) -> None:
    """A server ends the connection in the middle of the body, which clients see; a clean end would be a lie."""
    caplog.set_level(logging.INFO)
    response = a_broken_client().post(path, json={**CHAT, "stream": True})
    with pytest.raises(ZeroDivisionError):
        response.get_data()
    response.close()
    line = vars([record for record in caplog.records if record.name == "proxy.access"][-1])
    assert (line["end"], line["error_kind"]) == ("failed", "internal")


# Request ids


def answers(client: FlaskClient, **headers: str) -> list[TestResponse]:
    """One answer of each kind."""
    return [
        client.get("/", headers=headers),
        client.get("/api/tags", headers=headers),
        client.post("/api/chat", json=CHAT, headers=headers),
        client.post("/v1/chat/completions", json=CHAT, headers=headers),
        client.post("/api/chat", data=b"{", headers=headers),
        client.get("/v1/models", headers=headers),
        client.get("/health", headers=headers),
        client.get("/nope", headers=headers),
        client.get("/v1/nope", headers=headers),
        client.get("/api/chat", headers=headers),
        client.open("/api/chat", method="TRACE", headers=headers),
        client.open("/api/chat", method="OPTIONS", headers=headers),
        client.open("/api/chat", method="OPTIONS", headers={**headers, "Origin": "http://page.example"}),
        client.post("/api/chat", data=b"x" * 2000, headers=headers),
        client.head("/api/ps", headers=headers),
    ]


def test_every_answer_has_a_request_id_of_its_own(upstream: FakeUpstream) -> None:
    ids = [response.headers["X-Request-ID"] for response in answers(an_app(upstream, request_max_size=1000).test_client())]
    assert all(len(request_id) >= 16 for request_id in ids)
    assert len(set(ids)) == len(ids)


def test_every_answer_has_the_request_id_that_its_client_sent(upstream: FakeUpstream) -> None:
    client = an_app(upstream, request_max_size=1000).test_client()
    assert {response.headers["X-Request-ID"] for response in answers(client, **{"X-Request-ID": "mine-1"})} == {"mine-1"}
    assert upstream.requests_to("/chat/completions")[-1].headers["x-request-id"] == "mine-1"


@pytest.mark.parametrize("given", ["", "x" * 500, "two words", "é"])
def test_request_id_that_is_not_sane_is_replaced(client: FlaskClient, given: str) -> None:
    response = client.get("/", headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] not in ("", given)


def test_every_answer_is_logged_once(upstream: FakeUpstream, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "proxy.access")
    replies = answers(an_app(upstream, request_max_size=1000).test_client())
    for response in replies:
        response.get_data()
        response.close()
    logged = [vars(record)["status"] for record in caplog.records if record.name == "proxy.access"]
    assert logged == [response.status_code for response in replies]


# The Host guard at unknown URLs


def test_foreign_host_is_refused_everywhere_when_only_this_machine_is_served(upstream: FakeUpstream) -> None:
    client = an_app(upstream, proxy_host="127.0.0.1").test_client()
    for path in ("/", "/api/tags", "/nope", "/v1/nope", "/health"):
        assert client.get(path, headers={"Host": "evil.example"}).status_code == 403
        assert client.get(path, headers={"Host": "localhost:11434"}).status_code != 403


# Readiness


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        (json_answer({"data": []}), True),
        (json_answer({"error": {"message": "who are you?"}}, 401), True),
        (json_answer({"error": {"message": "no such route"}}, 404), True),
        (json_answer({"error": {"message": "unwell"}}, 500), False),
        (json_answer({"error": {"message": "starting"}}, 503), False),
        (Answer(before=[CUT]), False),
        (Answer(before=[STALL]), False),
    ],
    ids=["list", "401", "404", "500", "503", "cut", "silent"],
)
def test_readiness_is_whether_the_upstream_answers(upstream: FakeUpstream, answer: Answer, ready: bool) -> None:
    upstream.on("/models", answer)
    response = an_app(upstream, health_check_timeout=0.2, max_retries=3).test_client().get("/ready")
    assert response.status_code == (200 if ready else 503)
    assert len(upstream.requests) == 1, "a probe is one attempt"


def test_readiness_does_not_wait_for_a_body(upstream: FakeUpstream) -> None:
    upstream.on("/models", Answer(headers={"Content-Type": "application/json"}, steps=[b'{"data": [', STALL]))
    client = an_app(upstream, health_check_timeout=0.2, request_timeout=4).test_client()
    began_s = time.monotonic()
    assert client.get("/ready").status_code == 200
    assert time.monotonic() - began_s < 2


def test_readiness_of_an_upstream_that_stalls_in_an_error_is_told_in_time(upstream: FakeUpstream) -> None:
    upstream.on("/models", Answer(503, {"Content-Type": "application/json"}, steps=[b'{"error": ', STALL]))
    began_s = time.monotonic()
    assert an_app(upstream, health_check_timeout=0.2).test_client().get("/ready").status_code == 503
    assert time.monotonic() - began_s < 2


@pytest.mark.parametrize("step", [[STALL], [b" ", 0.1] * 40], ids=["silent", "dripping"])
def test_a_list_of_models_that_does_not_end_is_given_up_in_time(upstream: FakeUpstream, step: list[Any]) -> None:
    upstream.on("/models", Answer(headers={"Content-Type": "application/json"}, steps=[b'{"data": [', *step]))
    client = an_app(upstream, health_check_timeout=0.2, request_timeout=4).test_client()
    began_s = time.monotonic()
    response = client.get("/api/tags")
    assert (response.status_code, "not complete within 0.2 s" in response.text) == (504, True)
    assert time.monotonic() - began_s < 2


# Settings


def test_app_without_an_upstream_names_the_variable() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_BASE_URL"):
        create_app(Settings.from_env({}, dotenv=None))


def test_app_with_wrong_settings_names_all_of_them() -> None:
    wrong = {"OPENAI_API_BASE_URL": "nonsense", "PROXY_PORT": "x", "MAX_RETRIES": "-1"}
    with pytest.raises(SettingsError) as error:
        create_app(Settings.from_env(wrong, dotenv=None))
    assert set(error.value.problems) == set(wrong)


def test_app_with_an_unknown_profile_names_the_variable(upstream: FakeUpstream) -> None:
    with pytest.raises(SettingsError, match="UPSTREAM_PROFILE"):
        an_app(upstream, upstream_profile="nonsense")


def test_app_tells_all_that_is_wrong_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalogue.json").write_text('{"m": {"context_length": "long"}}')
    wrong = {"LOG_LEVEL": "LOUD", "UPSTREAM_PROFILE": "nonsense", "MODEL_CATALOG_FILE": "catalogue.json"}
    for name, value in {**wrong, "OPENAI_API_BASE_URL": ""}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        create_app()
    assert set(error.value.problems) == {*wrong, "OPENAI_API_BASE_URL"}
    with pytest.raises(SettingsError) as error:
        create_app(Settings(upstream_profile="nonsense"))
    assert set(error.value.problems) == {"UPSTREAM_PROFILE", "OPENAI_API_BASE_URL"}


def test_app_reads_the_environment_when_it_is_given_no_settings(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_BASE_URL", upstream.base_url)
    monkeypatch.setenv("ENABLE_METRICS", "false")
    assert create_app().test_client().get("/api/tags").status_code == 200


def test_apps_are_independent(upstream: FakeUpstream) -> None:
    with FakeUpstream() as other:
        other.on("/models", json_answer({"object": "list", "data": [{"id": "theirs", "object": "model"}]}))
        first, second = an_app(upstream).test_client(), an_app(other).test_client()
        assert [model["name"] for model in first.get("/api/tags").get_json()["models"]] == ["m:latest"]
        assert [model["name"] for model in second.get("/api/tags").get_json()["models"]] == ["theirs:latest"]
