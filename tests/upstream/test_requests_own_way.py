"""What requests itself makes of our session and its answers: the same, whoever speaks HTTP."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from proxy.upstream.request_head import CallRequest
from tests.fake_upstream import CUT, STALL, Answer, FakeUpstream, json_answer
from tests.upstream.conftest import OpenSession
from tests.upstream.script import Script


def test_the_session_works_as_sessions_do(upstream: FakeUpstream, open_session: OpenSession) -> None:
    upstream.on("/a", json_answer({"ok": True}, headers={"X-A": "1", "Set-Cookie": "a=1"}))
    seen: list[requests.Response] = []
    with open_session(pool_size=2) as session:
        session.hooks["response"].append(lambda response, **_: seen.append(response))
        response = session.post(f"{upstream.base_url}/a", json={"b": 1}, headers={"X-B": "2"}, timeout=5)
        assert (response.json(), response.headers["x-a"], response.ok, response.reason) == ({"ok": True}, "1", True, "Scripted")
        assert (seen, response.history, response.url) == ([response], [], f"{upstream.base_url}/a")
        assert response.text == '{"ok": true}'
        assert b"".join(session.get(f"{upstream.base_url}/a", stream=True).iter_content(4)) == b'{"ok": true}'
        assert session.head(f"{upstream.base_url}/a").status_code == 200
    assert upstream.connections == 1
    assert (upstream.requests[0].json, upstream.requests[0].headers["x-b"]) == ({"b": 1}, "2")


def test_requests_finds_its_own_errors(upstream: FakeUpstream, open_session: OpenSession) -> None:
    upstream.on("/cut", Answer(steps=[b"half", CUT]))
    upstream.on("/packing", Answer(200, {"Content-Encoding": "gzip"}, [b"no gzip"]))
    upstream.on("/silent", Answer(before=[STALL]))
    upstream.on("/dead", Answer(before=[CUT]))
    errors: list[tuple[str, Any]] = [
        (f"{upstream.base_url}/cut", requests.exceptions.ChunkedEncodingError),
        (f"{upstream.base_url}/packing", requests.exceptions.ContentDecodingError),
        (f"{upstream.base_url}/silent", requests.ReadTimeout),
        (f"{upstream.base_url}/dead", requests.ConnectionError),
        ("http://127.0.0.1:1/", requests.ConnectionError),
    ]

    def speak_plainly(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Script(speak_plainly) as script, open_session(pool_size=2) as session:
        errors.append((script.url.replace("http", "https"), requests.exceptions.SSLError))
        for url, kind in errors:
            with pytest.raises(kind):
                session.get(url, timeout=0.3)
        with pytest.raises(requests.exceptions.ProxyError):
            session.get(upstream.base_url, proxies={"http": "http://127.0.0.1:1"})


def test_packed_answers_are_unpacked_for_requests_too(upstream: FakeUpstream, open_session: OpenSession) -> None:
    upstream.on("/a", Answer(200, {"Content-Encoding": "gzip"}, [gzip.compress(b"text")]))
    with open_session(pool_size=2) as session:
        assert session.get(f"{upstream.base_url}/a").content == b"text"


def test_a_body_that_is_made_on_the_way_is_sent_as_requests_sends_it(upstream: FakeUpstream, open_session: OpenSession) -> None:
    def parts() -> Iterator[bytes]:
        yield from (b"one", b"two")

    upstream.on("/a", json_answer({}))
    with open_session(pool_size=2) as session:
        assert session.post(f"{upstream.base_url}/a", data=parts()).json() == {}
        assert session.post(f"{upstream.base_url}/a", data=b"three").json() == {}
    assert [request.body for request in upstream.requests] == [b"onetwo", b"three"]
    assert upstream.connections == 1


def test_headers_that_somebody_changes_on_the_way_are_sent(upstream: FakeUpstream, session: requests.Session) -> None:
    upstream.on("/a", json_answer({}))
    template = session.prepare_request(requests.Request("POST", f"{upstream.base_url}/a", headers={"X-A": "1"}))
    del template.headers["Content-Length"]
    for change in ({}, {"X-A": "2", "X-C": "3"}):
        request = CallRequest(template, b"{}", {"Content-Length": "2"})
        if change:
            request.headers.update(change)
        session.send(request).close()
    sent = [{name: request.headers.get(name) for name in ("x-a", "x-c", "content-length")} for request in upstream.requests]
    assert sent == [{"x-a": "1", "x-c": None, "content-length": "2"}, {"x-a": "2", "x-c": "3", "content-length": "2"}]
    assert "X-C" not in template.headers
