"""The fake must be true: each of its tricks is seen here with nothing but a socket."""

from __future__ import annotations

import http.client
import socket

import pytest

from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Raw, json_answer, sse, stream_of


def connect(upstream: FakeUpstream) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(upstream.host, upstream.port, timeout=5)


def test_answers_follow_each_other_and_the_last_one_stays(upstream: FakeUpstream) -> None:
    upstream.on("/models", json_answer({"n": 1}, 500), json_answer({"n": 2}))
    connection = connect(upstream)
    statuses = []
    for _ in range(3):
        connection.request("GET", "/v1/models?x=1", headers={"X-Test": "1"})
        response = connection.getresponse()
        statuses.append((response.status, response.read()))
    connection.close()
    assert statuses == [(500, b'{"n": 1}'), (200, b'{"n": 2}'), (200, b'{"n": 2}')]
    assert upstream.connections == 1
    assert upstream.requests[0].query == "x=1"
    assert upstream.requests[0].headers["x-test"] == "1"


def test_a_function_sees_the_request(upstream: FakeUpstream) -> None:
    upstream.on("/echo", lambda request: json_answer({"got": request.json["a"]}))
    connection = connect(upstream)
    connection.request("POST", "/v1/echo", body=b'{"a": 3}')
    assert connection.getresponse().read() == b'{"got": 3}'
    connection.close()


def test_unscripted_paths_are_not_found(upstream: FakeUpstream) -> None:
    connection = connect(upstream)
    connection.request("GET", "/v1/nothing")
    assert connection.getresponse().status == 404
    connection.close()


def test_a_stream_is_chunked_and_ends_legally(upstream: FakeUpstream) -> None:
    upstream.on("/chat", stream_of({"a": 1}))
    connection = connect(upstream)
    connection.request("POST", "/v1/chat", body=b"{}")
    response = connection.getresponse()
    assert response.getheader("Transfer-Encoding") == "chunked"
    assert response.read() == b"".join(sse({"a": 1}))
    connection.close()


def test_steps_wait_for_their_gate(upstream: FakeUpstream) -> None:
    gate = upstream.gate()
    upstream.on("/chat", Answer(steps=[b"one", gate, b"two"]))
    connection = connect(upstream)
    connection.request("POST", "/v1/chat", body=b"{}")
    response = connection.getresponse()
    assert response.read1() == b"one"
    gate.set()
    assert response.read() == b"two"
    connection.close()


@pytest.mark.parametrize(
    ("steps", "error"), [([b"a", CUT], http.client.IncompleteRead), ([b"a", RESET], (ConnectionResetError, http.client.IncompleteRead))]
)
def test_cut_and_reset_break_the_body(upstream: FakeUpstream, steps: list[bytes], error: type[Exception]) -> None:
    upstream.on("/chat", Answer(steps=steps))
    connection = connect(upstream)
    connection.request("POST", "/v1/chat", body=b"{}")
    with pytest.raises(error):
        connection.getresponse().read()
    connection.close()


def test_a_script_may_die_before_the_status_or_answer_garbage(upstream: FakeUpstream) -> None:
    upstream.on("/chat", Answer(before=[CUT]), Answer(before=[Raw(b"garbage\r\n")]))
    for error in (http.client.RemoteDisconnected, http.client.BadStatusLine):
        connection = connect(upstream)
        connection.request("POST", "/v1/chat", body=b"{}")
        with pytest.raises(error):
            connection.getresponse()
        connection.close()


def test_a_body_that_ends_with_the_connection(upstream: FakeUpstream) -> None:
    upstream.on("/chat", Answer(steps=[b"a", b"b"], framing="close"))
    connection = connect(upstream)
    connection.request("POST", "/v1/chat", body=b"{}")
    assert connection.getresponse().read() == b"ab"
    connection.close()
    assert upstream.requests[0].wait_closed(2)


def test_it_sees_a_client_that_leaves_while_it_stalls(upstream: FakeUpstream) -> None:
    upstream.on("/chat", Answer(steps=[b"a", STALL]))
    connection = connect(upstream)
    connection.request("POST", "/v1/chat", body=b"{}")
    response = connection.getresponse()
    assert response.read1() == b"a"
    assert not upstream.requests[0].wait_closed(0.05)
    response.close()
    connection.close()
    assert upstream.requests[0].wait_closed(1)


def test_it_closes_idle_connections(upstream: FakeUpstream) -> None:
    upstream.on("/models", json_answer({}))
    with socket.create_connection((upstream.host, upstream.port), timeout=5) as client:
        client.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.settimeout(5)
        assert upstream.wait_for_requests(1)
        upstream.close_idle_connections()
        while client.recv(65536):
            pass
    assert upstream.requests[0].wait_closed(2)
