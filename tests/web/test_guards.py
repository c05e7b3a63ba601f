from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest
from flask import Blueprint, Flask, Response
from flask.testing import FlaskClient
from flask_cors import CORS

from proxy.errors import InvalidRequest
from proxy.gateway import Gateway
from proxy.settings import Settings
from proxy.web.blueprint import dialect_blueprint, route
from proxy.web.guards import Guards
from proxy.web.hosts import _own_addresses
from proxy.web.mounting import attach_mount
from proxy.web.state import MountState

EVIL = "http://evil.example"


def a_client(**settings: Any) -> FlaskClient:
    app = Flask(__name__, static_folder=None)
    app.register_blueprint(a_blueprint(replace(Settings(), **settings)))
    return app.test_client()


def a_mount(settings: Settings) -> MountState:
    return MountState(settings, cast(Gateway, None), None)


def a_blueprint(settings: Settings) -> Blueprint:
    blueprint = dialect_blueprint("ours", lambda error: error.message.encode())
    attach_mount(blueprint, a_mount(settings))

    def stream() -> Response:
        def chunks() -> Iterator[bytes]:
            yield b"one"
            yield b"two"

        return Response(chunks())

    def refuse() -> Response:
        raise InvalidRequest("no")

    def fail() -> Response:
        raise ZeroDivisionError

    route(blueprint, "/tags", ["GET", "HEAD"], lambda: Response(b"tags"))
    route(blueprint, "/chat", ["POST"], lambda: Response(b"chat"))
    route(blueprint, "/stream", ["POST"], stream)
    route(blueprint, "/refuse", ["POST"], refuse)
    route(blueprint, "/fail", ["POST"], fail)
    return blueprint


def cors_headers(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("Access-Control-") or name == "Vary"}


LISTED = ("https://app.example", "https://*.wild.example", "chrome-extension://*")


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example",
        "https://a.wild.example",
        "https://a.b.wild.example",
        "chrome-extension://abcdef",
        "http://localhost",
        "http://localhost:3000",
        "https://localhost:3000",
        "http://127.0.0.1",
        "https://127.0.0.1:8443",
        "http://0.0.0.0:80",
        "app://obsidian.md",
        "file://",
        "tauri://localhost",
        "vscode-webview://0abc",
        "vscode-file://vscode-app",
    ],
)
def test_origin_when_listed_or_local_is_echoed(origin: str) -> None:
    for host in ("gate.example", "localhost:11434"):
        response = a_client(cors_origins=LISTED).get("/tags", headers={"Origin": origin, "Host": host})

        assert (response.status_code, response.data) == (200, b"tags")
        assert cors_headers(response) == {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "https://app.example.evil.example",
        "https://app.example:8443",
        "http://app.example",
        "https://appXexample",
        "https://wild.example",
        "http://localhost.evil.example",
        "https://localhost.evil.example:3000",
        "moz-extension://abc",
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_origin_when_not_listed_is_forbidden(origin: str, method: str) -> None:
    response = a_client(cors_origins=LISTED).open(
        "/tags", method=method, headers={"Origin": origin, "Access-Control-Request-Method": "GET"}
    )

    assert (response.status_code, response.data) == (403, b"")
    assert cors_headers(response) == {}
    assert "Content-Type" not in response.headers
    assert response.headers["Content-Length"] == "0"


@pytest.mark.parametrize("cors_origins", [("*",), LISTED])
@pytest.mark.parametrize("origin", [None, "", "http://gate.example:8080", "https://gate.example:8080"])
def test_origin_when_absent_or_our_own_gets_no_cors_headers(cors_origins: tuple[str, ...], origin: str | None) -> None:
    headers = {"Host": "gate.example:8080"} | ({} if origin is None else {"Origin": origin})
    response = a_client(cors_origins=cors_origins).get("/tags", headers=headers)

    assert (response.status_code, response.data) == (200, b"tags")
    assert cors_headers(response) == {}


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:3000", "moz-extension://abc"])
@pytest.mark.parametrize("cors_origins", [("*",), ("https://app.example", "*")])
def test_origin_when_all_are_let_in_is_answered_by_a_star(origin: str, cors_origins: tuple[str, ...]) -> None:
    response = a_client(cors_origins=cors_origins).get("/tags", headers={"Origin": origin})

    assert response.status_code == 200
    assert cors_headers(response) == {"Access-Control-Allow-Origin": "*"}


@pytest.mark.parametrize(("path", "status"), [("/stream", 200), ("/refuse", 400), ("/fail", 500)])
def test_cors_headers_when_a_stream_or_an_error_answers_are_there(path: str, status: int) -> None:
    response = a_client().post(path, headers={"Origin": EVIL})

    assert response.status_code == status
    assert cors_headers(response) == {"Access-Control-Allow-Origin": "*"}


METHODS = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"
HEADERS = {
    "authorization",
    "content-type",
    "user-agent",
    "accept",
    "x-requested-with",
    "openai-beta",
    *(
        f"x-stainless-{word}"
        for word in (
            "arch",
            "async",
            "custom-poll-interval",
            "helper-method",
            "lang",
            "os",
            "package-version",
            "poll-helper",
            "retry-count",
            "runtime",
            "runtime-version",
            "timeout",
        )
    ),
}


def preflight(client: FlaskClient, origin: str, path: str = "/chat", **headers: str) -> Any:
    return client.options(path, headers={"Origin": origin, "Access-Control-Request-Method": "POST"} | headers)


@pytest.mark.parametrize("path", ["/chat", "/tags"])
def test_preflight_when_the_origin_is_listed(path: str) -> None:
    response = preflight(
        a_client(cors_origins=LISTED), "https://app.example", path, **{"Access-Control-Request-Headers": "x-custom, accept"}
    )

    assert (response.status_code, response.data) == (204, b"")
    told = cors_headers(response)
    assert {header.lower() for header in told.pop("Access-Control-Allow-Headers").split(",")} == HEADERS
    assert told == {
        "Access-Control-Allow-Origin": "https://app.example",
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Max-Age": "43200",
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }


def test_preflight_when_all_are_let_in_grants_the_headers_asked_for() -> None:
    response = preflight(a_client(), EVIL, **{"Access-Control-Request-Headers": "x-custom,http-referer"})

    assert response.status_code == 204
    told = cors_headers(response)
    granted = {header.strip().lower() for header in told.pop("Access-Control-Allow-Headers").split(",")}
    assert granted == HEADERS | {"x-custom", "http-referer"}
    assert told == {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": "43200"}


def test_preflight_when_it_names_no_method_is_answered_all_the_same() -> None:
    response = a_client().options("/chat", headers={"Origin": EVIL})

    assert response.status_code == 204
    assert response.headers["Access-Control-Max-Age"] == "43200"
    assert {header.lower() for header in response.headers["Access-Control-Allow-Headers"].split(",")} == HEADERS


@pytest.mark.parametrize(
    ("proxy_host", "host", "status"),
    [
        ("127.0.0.1", "localhost:11434", 204),
        ("::1", "box.local", 204),
        ("localhost", "allowed.example", 204),
        ("127.0.0.1", "127.0.0.1:11434", 405),
        ("0.0.0.0", "localhost:11434", 405),
        ("0.0.0.0", "gate.example", 405),
        ("127.0.0.1", "evil.example", 403),
    ],
)
@pytest.mark.parametrize("origin", [{}, {"Origin": "same"}])
def test_options_when_no_other_site_asks(proxy_host: str, host: str, status: int, origin: dict[str, str]) -> None:
    client = a_client(proxy_host=proxy_host, allowed_hosts=("allowed.example",))
    response = client.options("/chat", headers={"Host": host} | ({"Origin": f"http://{host}"} if origin else {}))

    assert response.status_code == status
    assert response.data == (b"405 method not allowed" if status == 405 else b"")
    assert response.headers.get("Allow") == ("POST" if status == 405 else None)
    if status == 405:
        assert response.headers["Content-Type"] == "text/plain"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "LOCALHOST:11434",
        "127.0.0.1:11434",
        "127.9.9.9",
        "[::1]:11434",
        "[::1]",
        "0.0.0.0:11434",
        "10.1.2.3",
        "172.16.0.1:80",
        "192.168.1.20:11434",
        "[fd00::1]:11434",
        "[::ffff:127.0.0.1]:11434",
        "box.local",
        "a.b.internal:11434",
        "app.localhost",
        "Allowed.Example",
        "allowed.example:8443",
        socket.gethostname(),
        socket.gethostname().upper() + ":11434",
    ],
)
def test_host_when_local_or_allowed_is_served_on_loopback(host: str) -> None:
    client = a_client(proxy_host="127.0.0.1", allowed_hosts=("allowed.EXAMPLE",))

    assert client.get("/tags", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:11434",
        "localhost.evil.example",
        "notlocal",
        "8.8.8.8",
        "172.32.0.1",
        "1.2.3.4.5",
        "[2001:db8::1]",
        "xlocal",
    ],
)
@pytest.mark.parametrize("proxy_host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]"])
def test_host_when_foreign_is_forbidden_on_loopback(host: str, proxy_host: str) -> None:
    response = a_client(proxy_host=proxy_host).get("/tags", headers={"Host": host})

    assert (response.status_code, response.data) == (403, b"")
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("proxy_host", ["0.0.0.0", "::", "192.168.1.2", "gate.example"])
def test_host_when_others_can_reach_us_is_not_looked_at(proxy_host: str) -> None:
    assert a_client(proxy_host=proxy_host).get("/tags", headers={"Host": "evil.example"}).status_code == 200


def test_rebound_name_when_its_own_page_asks_is_forbidden_on_loopback() -> None:
    response = a_client(proxy_host="127.0.0.1").post("/chat", headers={"Host": "evil.example", "Origin": EVIL})

    assert response.status_code == 403


@pytest.mark.parametrize(("length", "status"), [("100", 200), ("101", 413), ("9" * 30, 413), ("9" * 5000, 413), ("0", 200)])
def test_body_when_announced_too_large_is_refused_unread(length: str, status: int) -> None:
    class Unread(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise AssertionError("the body was read")

    client = a_client(request_max_size=100)
    response = client.post("/chat", environ_overrides={"CONTENT_LENGTH": length, "wsgi.input": Unread()})

    assert response.status_code == status
    if status == 413:
        assert response.data == b"the request body is larger than 100 bytes (REQUEST_MAX_SIZE)"


def test_connection_when_a_body_was_refused_is_closed_after_the_answer() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        response = a_client(request_max_size=1).post("/chat", data=b"12", environ_overrides={"gunicorn.socket": ours})
        theirs.shutdown(socket.SHUT_WR)
        response.close()
        ours.close()

        assert response.status_code == 413
        assert theirs.recv(1) == b""


def test_refused_body_when_a_page_sent_it_can_be_read_by_the_page() -> None:
    response = a_client(request_max_size=1).post("/chat", data=b"12", headers={"Origin": EVIL})

    assert response.status_code == 413
    assert cors_headers(response) == {"Access-Control-Allow-Origin": "*"}


def test_host_app_when_we_are_mounted_keeps_its_own_rules() -> None:
    app = Flask(__name__, static_folder=None)
    settings = replace(Settings(), proxy_host="127.0.0.1", cors_origins=(), request_max_size=1)
    app.register_blueprint(a_blueprint(settings), url_prefix="/llm")
    app.add_url_rule("/own", view_func=lambda: "own", methods=["POST"])
    response = app.test_client().post("/own", data=b"123", headers={"Origin": EVIL, "Host": "evil.example"})

    assert (response.status_code, response.data, cors_headers(response)) == (200, b"own", {})
    assert set(app.test_client().options("/own").headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert app.test_client().get("/nope", headers={"Origin": EVIL}).status_code == 404


def test_guards_when_host_app_has_cors_of_its_own_answer_once() -> None:
    app = Flask(__name__, static_folder=None)
    CORS(app, origins="https://host.example", supports_credentials=True)
    app.register_blueprint(a_blueprint(Settings()), url_prefix="/llm")
    response = app.test_client().get("/llm/tags", headers={"Origin": EVIL})

    assert response.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.fixture
def own_app() -> FlaskClient:
    """An app that is only ours, and so guards unknown URLs too."""
    app = Flask(__name__, static_folder=None)
    settings = replace(Settings(), proxy_host="127.0.0.1", cors_origins=LISTED, request_max_size=100)
    app.register_blueprint(a_blueprint(settings))
    attach_mount(app, a_mount(settings))
    return app.test_client()


def test_unknown_url_when_the_app_is_ours_is_guarded(own_app: FlaskClient) -> None:
    local = {"Host": "localhost"}

    assert own_app.get("/nope", headers=local | {"Origin": EVIL}).status_code == 403
    assert own_app.get("/nope", headers={"Host": "evil.example"}).status_code == 403
    assert preflight(own_app, "https://app.example", "/nope").status_code == 204
    assert own_app.options("/nope", headers=local).status_code == 204
    assert own_app.options("/nope", headers={"Host": "127.0.0.1"}).status_code == 404
    assert own_app.post("/nope", headers=local, data=b"1" * 200).status_code == 404
    response = own_app.get("/nope", headers=local | {"Origin": "https://app.example"})
    assert (response.status_code, cors_headers(response)) == (404, {"Access-Control-Allow-Origin": "https://app.example", "Vary": "Origin"})


def test_known_url_when_the_app_is_ours_is_guarded_once(own_app: FlaskClient) -> None:
    response = own_app.get("/tags", headers={"Host": "localhost", "Origin": "https://app.example"})

    assert response.headers.getlist("Access-Control-Allow-Origin") == ["https://app.example"]
    assert response.headers.getlist("Vary") == ["Origin"]


def test_own_addresses_are_looked_up_when_they_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_address() -> dict[str, list[SimpleNamespace]]:
        asked.append("looked")
        return {"eth0": [SimpleNamespace(family=socket.AF_INET, address="203.0.113.7"), SimpleNamespace(family=17, address="aa:bb:cc")]}

    asked: list[str] = []
    monkeypatch.setattr(psutil, "net_if_addrs", one_address)
    _own_addresses.cache_clear()
    client = a_client(proxy_host="127.0.0.1")
    try:
        assert [client.get("/tags", headers={"Host": host}).status_code for host in ("localhost", "127.0.0.1", "10.0.0.1")] == [200] * 3
        assert asked == []
        assert [client.get("/tags", headers={"Host": host}).status_code for host in ("203.0.113.7:80", "203.0.113.8")] == [200, 403]
        assert asked == ["looked"]
    finally:
        _own_addresses.cache_clear()


def test_verdicts_when_remembered_are_bounded() -> None:
    guards = Guards(replace(Settings(), proxy_host="127.0.0.1"))
    assert guards._hosts is not None
    for number in range(1000):
        guards._hosts.judge(f"host-{number}.example")

    assert guards._hosts.judge.cache_info().currsize <= 256
