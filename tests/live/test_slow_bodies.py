"""Bodies that come slowly, or are too long, or break off, at a real worker: it answers, and the client can read the answer."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import pytest

from tests.facts.speech import chat_reply
from tests.fake_upstream import FakeUpstream, json_answer
from tests.live.gateways import Gateways
from tests.live.master import Master

_TIMEOUT_S = 1.0
MEGABYTES_50 = 50 * 1024 * 1024
PATHS = ["/api/chat", "/v1/chat/completions"]


@pytest.fixture
def gateway(gateways: Gateways, scripted_upstream: FakeUpstream) -> Master:
    """A gateway that waits a second for bodies."""
    scripted_upstream.on("/chat/completions", json_answer(chat_reply("hello")))
    return gateways.serving(scripted_upstream.base_url, BODY_TIMEOUT=str(_TIMEOUT_S))


class Talk:
    """A bare connection: what is written, and what comes back."""

    def __init__(self, connection: socket.socket, reader: BinaryIO) -> None:
        self._connection = connection
        self._reader = reader

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def send_head(self, path: str, *headers: str, method: str = "POST") -> None:
        self.send("\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode())

    def end_sending(self) -> None:
        self._connection.shutdown(socket.SHUT_WR)

    def receive(self, size: int) -> bytes:
        return self._reader.read(size)

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        status = int(self._reader.readline().split()[1])
        headers = http.client.parse_headers(self._reader)
        if headers["Transfer-Encoding"] != "chunked":
            return status, self._reader.read(int(headers["Content-Length"]))
        body = b""
        while size := int(self._reader.readline(), 16):
            body += self._reader.read(size)
            self._reader.readline()
        self._reader.readline()
        return status, body

    def is_closed(self) -> bool:
        """Whether the other side ends the connection, now or soon; nothing else may come."""
        try:
            return self._reader.read(1) == b""
        except ConnectionError:
            return True


@contextmanager
def talking_to(gateway: Master) -> Iterator[Talk]:
    address = urlsplit(gateway.address)
    with socket.create_connection((address.hostname, address.port), timeout=15) as connection, connection.makefile("rb") as reader:
        yield Talk(connection, reader)


def message_of(body: bytes) -> str:
    error = json.loads(body)["error"]
    return str(error["message"] if isinstance(error, dict) else error)


BODY = json.dumps({"model": "m", "stream": False, "messages": [{"role": "user", "content": "hi"}]}).encode()


def assert_alive(gateway: Master) -> None:
    with talking_to(gateway) as talk:
        talk.send_head("/api/version", method="GET")
        assert talk.answer()[0] == 200


# Slow bodies


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("begun", [[], [BODY[:10]]], ids=["nothing", "a part"])
@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_body_that_does_not_come_is_408(gateway: Master, path: str, framing: str, begun: list[bytes]) -> None:
    with talking_to(gateway) as talk:
        started = time.monotonic()
        talk.send_head(path, framing)
        for part in begun:
            talk.send(part if "Length" in framing else b"%x\r\n%b\r\n" % (len(part), part))
        status, body = talk.answer()
        assert _TIMEOUT_S <= time.monotonic() - started < _TIMEOUT_S + 5
        assert status == 408
        assert message_of(body) == "the request body was not complete after 1 seconds"
        assert talk.is_closed()


def test_body_that_trickles_is_408(gateway: Master) -> None:
    with talking_to(gateway) as talk:
        talk.send_head("/api/chat", "Content-Length: 1000")
        deadline = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline:
            talk.send(b" ")
            time.sleep(0.05)
        assert talk.answer()[0] == 408


def test_others_are_served_while_a_body_is_awaited(gateway: Master) -> None:
    with talking_to(gateway) as slow:
        slow.send_head("/api/chat", "Content-Length: 100")
        started = time.monotonic()
        assert_alive(gateway)
        assert time.monotonic() - started < _TIMEOUT_S
        assert slow.answer()[0] == 408


def test_body_that_is_slow_but_in_time_is_served(gateway: Master) -> None:
    with talking_to(gateway) as talk:
        talk.send_head("/api/chat", f"Content-Length: {len(BODY)}")
        for start in range(0, len(BODY), 20):
            talk.send(BODY[start : start + 20])
            time.sleep(0.02)
        assert talk.answer()[0] == 200


def test_client_that_waits_for_leave_to_send_gets_it(gateway: Master) -> None:
    with talking_to(gateway) as talk:
        talk.send_head("/api/chat", f"Content-Length: {len(BODY)}", "Expect: 100-continue")
        assert talk.receive(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        talk.send(BODY)
        assert talk.answer()[0] == 200


# Long bodies


def send_and_read(gateway: Master, path: str, **how: Any) -> tuple[int, bytes]:
    """Sends everything before it looks for an answer, as most clients do."""
    address = urlsplit(gateway.address)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    try:
        connection.request("POST", path, **how)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", [*PATHS, "/api/embed"])
@pytest.mark.parametrize("announced", [True, False])
def test_body_of_50_megabytes_is_413_and_the_client_can_read_that(gateway: Master, path: str, announced: bool) -> None:
    body = b"x" * MEGABYTES_50
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    status, answer = send_and_read(gateway, path, **({"body": body} if announced else {"body": pieces, "encode_chunked": True}))
    assert status == 413
    assert "REQUEST_MAX_SIZE" in message_of(answer)


@pytest.mark.parametrize("path", PATHS)
def test_connection_after_a_413_is_closed(gateway: Master, path: str) -> None:
    with talking_to(gateway) as talk:
        talk.send_head(path, f"Content-Length: {MEGABYTES_50}")
        talk.send(b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert talk.answer()[0] == 413
        talk.end_sending()
        assert talk.is_closed()


# Broken bodies


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_body_that_ends_too_early_is_400(gateway: Master, path: str, framing: str) -> None:
    with talking_to(gateway) as talk:
        talk.send_head(path, framing)
        talk.send(b'{"mo' if "Length" in framing else b'10\r\n{"mo')
        talk.end_sending()
        status, body = talk.answer()
        assert status == 400
        assert message_of(body)
        assert talk.is_closed()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\n", b"5\r\nabcdefgh\r\n", b"\r\n\r\n"])
def test_broken_chunks_are_400_and_what_follows_is_no_request(gateway: Master, path: str, chunk: bytes) -> None:
    with talking_to(gateway) as talk:
        talk.send_head(path, "Transfer-Encoding: chunked")
        talk.send(chunk + b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
        status, _ = talk.answer()
        assert status == 400
        talk.end_sending()
        assert talk.is_closed()


# Connections that go on


def test_connection_goes_on_after_whole_bodies(gateway: Master) -> None:
    with talking_to(gateway) as talk:
        for path in PATHS * 2:
            talk.send_head(path, f"Content-Length: {len(BODY)}")
            talk.send(BODY)
            assert talk.answer()[0] == 200
        talk.send_head(PATHS[0], "Transfer-Encoding: chunked")
        talk.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
        assert talk.answer()[0] == 200


@pytest.mark.parametrize(("path", "status"), [("/nope", 404), ("/v1/nope", 404), ("/api/tags", 405), ("/api/chat", 400)])
def test_connection_goes_on_after_a_refused_request(gateway: Master, path: str, status: int) -> None:
    with talking_to(gateway) as talk:
        talk.send_head(path, "Content-Length: 11")
        talk.send(b'{"model":""')
        assert talk.answer()[0] == status
        talk.send_head("/api/version", method="GET")
        assert talk.answer()[0] == 200


def test_requests_that_come_at_once_are_answered_in_their_order(gateway: Master) -> None:
    with talking_to(gateway) as talk:
        head = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        talk.send((head + BODY) * 3)
        for _ in range(3):
            status, body = talk.answer()
            assert status == 200
            assert json.loads(body)["message"]["content"] == "hello"


def test_packed_body_is_unpacked(gateway: Master) -> None:
    status, _ = send_and_read(gateway, "/api/chat", body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"})
    assert status == 200
