"""URLs that nothing has, and methods that a URL has not: told as each API tells it."""

from __future__ import annotations

import json
import logging

import pytest
from flask.testing import FlaskClient

from tests.app.apps import an_app
from tests.fake_upstream import FakeUpstream


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
    assert response.headers["request-id"] == told["request_id"] == response.headers["X-Request-ID"]


def test_unknown_url_that_an_anthropic_client_asks_has_its_request_id(client: FlaskClient) -> None:
    response = client.get("/v1/messages/batches")
    assert (response.status_code, response.get_json()["error"]["type"]) == (404, "not_found_error")
    assert response.headers["request-id"] == response.get_json()["request_id"]


@pytest.mark.parametrize("path", ["/", "/api/tags", "/api/version", "/health", "/v1/version"])
def test_head_where_it_is_allowed_has_no_body(client: FlaskClient, path: str) -> None:
    response = client.head(path)
    assert (response.status_code, response.data) == (200, b"")
    assert response.content_type == client.get(path).content_type


@pytest.mark.parametrize("path", ["/api/ps", "/api/status", "/v1/models", "/v1/models/m", "/api/chat", "/v1/chat/completions"])
def test_head_where_ollama_has_none_is_405(client: FlaskClient, path: str) -> None:
    assert client.head(path).status_code == 405


def test_foreign_host_is_refused_everywhere_when_only_this_machine_is_served(upstream: FakeUpstream) -> None:
    client = an_app(upstream, proxy_host="127.0.0.1").test_client()
    for path in ("/", "/api/tags", "/nope", "/v1/nope", "/health"):
        assert client.get(path, headers={"Host": "evil.example"}).status_code == 403
        assert client.get(path, headers={"Host": "localhost:11434"}).status_code != 403
