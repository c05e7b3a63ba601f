"""The exchange itself: the same words for the same faults, whoever speaks HTTP, and no connection lost or used twice."""

from __future__ import annotations

import contextlib
import socket
import threading
import tracemalloc
from collections.abc import Callable

import pytest

from proxy.errors import UpstreamBroken, UpstreamError, UpstreamRefused, UpstreamTimeout, UpstreamUnavailable
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import Timeouts
from proxy.upstream.retry import RetryPolicy
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Raw, json_answer
from tests.upstream.conftest import MakeClient, OpenSession
from tests.upstream.script import Script

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
MAX = 1_000_000
NO_CONNECTION = "no connection to the upstream; check that it runs, and the host and port of OPENAI_API_BASE_URL"
NO_ANSWER = "the upstream closed the connection, or sent something that is not HTTP, instead of an answer"


def whole(head: bytes) -> Answer:
    """An answer that is written past the fake upstream's framing, after which its connection stays open and silent."""
    return Answer(before=[Raw(head), STALL])


# Heads


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 2\nX-A: 1\n\n{}",
        b"HTTP/1.1 200\r\ncontent-length:2\r\nx-a:1\r\n\r\n{}",
        b"HTTP/1.1\t200\tOK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n{}",
        b"HTTP/1.1  200  Very  Well\r\nContent-Length: 2 \r\nX-A:\t1\t\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nX-A: 1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 99\r\nX-A: 1\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nX-A: 1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-B: one,\r\n two\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-B: " + b"b" * 60_000 + b"\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n{}",
    ],
)
def test_odd_heads_are_read(upstream: FakeUpstream, make_client: MakeClient, head: bytes) -> None:
    upstream.on("/chat/completions", whole(head))
    reply = make_client().send(CHAT)
    assert (reply.status, reply.headers["x-a"], reply.read(MAX)) == (200, "1", b"{}")


def test_fields_that_come_twice_are_joined(upstream: FakeUpstream, make_client: MakeClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nX-A: one\r\nx-a: two\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\nX-L: caf\xe9\r\n\r\n"
    upstream.on("/chat/completions", whole(head))
    headers = make_client().send(CHAT).headers
    assert (headers["x-a"], headers["set-cookie"], headers["x-l"]) == ("one, two", "a=1", "caf\xe9")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: 1\rContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"x" * 70_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 99 + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 99 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"{}\r\n",
    ],
)
def test_heads_that_nobody_should_believe_are_no_answer(upstream: FakeUpstream, make_client: MakeClient, head: bytes) -> None:
    upstream.on("/chat/completions", whole(head))
    with pytest.raises(UpstreamBroken) as caught:
        make_client(policy=RetryPolicy(max_retries=3)).send(CHAT)
    assert caught.value.message == NO_ANSWER
    assert len(upstream.requests) == 1
    assert upstream.requests[0].wait_closed(1)


def test_a_head_may_come_in_drops(upstream: FakeUpstream, make_client: MakeClient) -> None:
    head = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: one\r\n two\r\n\r\n"
    drops = [step for at in range(len(head)) for step in (Raw(head[at : at + 1]), 0.001)]
    upstream.on("/chat/completions", Answer(before=[*drops, Raw(b"{}"), STALL]))
    reply = make_client().send(CHAT)
    assert (reply.headers["x-a"], reply.read(MAX)) == ("one two", b"{}")


@pytest.mark.parametrize("line", [b"X-A: 1\r\n", b"\r\nHTTP/1.1 102 Processing\r\n"])
def test_a_head_must_be_whole_in_time_however_busy_it_looks(upstream: FakeUpstream, make_client: MakeClient, line: bytes) -> None:
    head = Raw(b"HTTP/1.1 102 Processing\r\n" if b"102" in line else b"HTTP/1.1 200 OK\r\n")
    upstream.on("/chat/completions", Answer(before=[head, *[0.05, Raw(line)] * 20, STALL]))
    timeouts = Timeouts(connect_s=2, first_byte_s=0.2, idle_s=5, keepalive_s=0)
    with pytest.raises(UpstreamTimeout, match=r"did not begin to answer within 0\.2 s"):
        make_client(timeouts=timeouts).send(CHAT)
    assert upstream.requests[0].wait_closed(0.5)


# Connections


@pytest.mark.parametrize(
    ("head", "connections"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\n{}", 1),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}", 1),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 2),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, close\r\n\r\n{}", 2),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 2),
        (b"HTTP/1.1 204 Nothing\r\n\r\n", 1),
        (b"HTTP/1.1 204 Nothing\r\nTransfer-Encoding: chunked\r\n\r\n", 2),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 smuggled\r\nContent-Length: 0\r\n\r\n", 2),
    ],
)
def test_connections_are_used_again_where_that_is_safe(
    upstream: FakeUpstream, make_client: MakeClient, head: bytes, connections: int
) -> None:
    def serve(client: socket.socket) -> None:
        made.append(client)
        while client.recv(65536):
            client.sendall(head)

    made: list[socket.socket] = []
    with Script(lambda client: threading.Thread(target=_served, args=(client.dup(), serve), daemon=True).start()) as script:
        client = make_client(base_url=script.url)
        for _ in range(2):
            client.send(CHAT).read(MAX)
    assert len(made) == connections


def _served(client: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with client, contextlib.suppress(OSError):
        serve(client)


SCENES: list[Answer] = [
    json_answer({}),
    json_answer({}, keep_alive=False),
    Answer(before=[CUT]),
    Answer(before=[RESET]),
    Answer(before=[Raw(b"HTTP/1.1 200 O"), CUT]),
    Answer(before=[Raw(b"garbage\r\n")]),
    Answer(steps=[b"half", CUT]),
    Answer(500, steps=[b"half", RESET]),
    Answer(302, {"Location": "/"}),
    Answer(200, {"Content-Encoding": "gzip"}, [b"no gzip"]),
    Answer(204, framing="length"),
    Answer(steps=[b"one"], framing="close"),
]


@pytest.mark.parametrize("scene", range(len(SCENES)))
def test_each_place_in_the_pool_is_filled_again_and_by_one(
    upstream: FakeUpstream, make_client: MakeClient, open_session: OpenSession, scene: int
) -> None:
    upstream.on("/chat/completions", json_answer({}), SCENES[scene], json_answer({}))
    with open_session(pool_size=3) as session:
        client = make_client(session=session)
        for _ in range(3):
            with contextlib.suppress(UpstreamError):
                reply = client.send(CHAT)
                try:
                    reply.read(MAX)
                finally:
                    reply.close()
        assert client.send(CHAT).read(MAX) == b"{}"
        (pool,) = session.get_adapter(upstream.base_url)._pools.values()
        kept = [pool.pool.get(block=False) for _ in range(3)]
        assert pool.pool.qsize() == 0
        for each in kept:
            pool.pool.put(each)
    connections = [each for each in kept if each is not None]
    assert len({*connections}) == len(connections) == 1


def test_an_answer_that_is_closed_twice_lets_its_connection_go_once(upstream: FakeUpstream, open_session: OpenSession) -> None:
    upstream.on("/a", Answer(steps=[b"one", STALL]))
    with open_session(pool_size=2) as session:
        response = session.get(f"{upstream.base_url}/a", stream=True)
        response.close()
        response.close()
        (pool,) = session.get_adapter(upstream.base_url)._pools.values()
        assert pool.pool.qsize() == 2


# Requests


def test_an_answer_that_comes_before_the_request_was_taken_is_read(make_client: MakeClient) -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large"

    def serve(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(refusal)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(0.2)
        with contextlib.suppress(OSError):
            client.recv(1000)

    with Script(serve) as script, pytest.raises(UpstreamRefused, match="too large") as caught:
        make_client(base_url=script.url).send(UpstreamCall("/x", b"x" * 30_000_000))
    assert caught.value.status == 413


def drained(client: socket.socket) -> None:
    """Takes a request of 20 MB without keeping it, and answers."""
    buffer, taken = bytearray(65536), 0
    while taken < 20_000_000:
        taken += client.recv_into(buffer)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_a_large_body_is_not_copied(make_client: MakeClient) -> None:
    body = b"x" * 20_000_000
    with Script(drained) as script:
        client = make_client(base_url=script.url)
        tracemalloc.start()
        try:
            assert client.send(UpstreamCall("/x", body)).read(MAX) == b"{}"
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < 2_000_000


def test_head_and_body_leave_together(make_client: MakeClient) -> None:
    pieces: list[bytes] = []

    def serve(client: socket.socket) -> None:
        pieces.append(client.recv(65536))
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with Script(serve) as script:
        make_client(base_url=script.url).send(CHAT, ExchangeNotes(request_id="7")).read(MAX)
    (request,) = pieces
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == CHAT.body
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/chat/completions HTTP/1.1"
    assert f"Host: {script.url.removeprefix('http://').removesuffix('/v1')}" in lines
    assert {"Content-Length: 13", "X-Request-ID: 7", "Content-Type: application/json", "Authorization: Bearer sk-test"} <= set(lines)
    assert len({line.partition(":")[0].lower() for line in lines[1:]}) == len(lines) - 1


@pytest.mark.parametrize("request_id", ["a\r\nX-Evil: 1", "a\nb", "a\rb"])
def test_no_header_can_be_smuggled_in(upstream: FakeUpstream, make_client: MakeClient, request_id: str) -> None:
    upstream.on("/chat/completions", json_answer({}))
    with pytest.raises(UpstreamUnavailable) as caught:
        make_client().send(CHAT, ExchangeNotes(request_id=request_id))
    assert caught.value.code == "upstream_misconfigured"
    assert upstream.requests == []


def test_a_post_without_a_body_says_so(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", json_answer({}))
    make_client().send(UpstreamCall("/chat/completions")).close()
    assert upstream.requests[0].headers["content-length"] == "0"


# Proxies


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_another_password(make_client: MakeClient, open_session: OpenSession, scheme: str) -> None:
    def refuse(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 6\r\nConnection: close\r\n\r\ndenied")

    with Script(refuse) as script, open_session(pool_size=2, proxy=script.url.removesuffix("/v1")) as session:
        client = make_client(base_url=f"{scheme}://upstream.example/v1", session=session)
        with pytest.raises(UpstreamError) as caught:
            client.send(CHAT)
    if scheme == "https":
        assert caught.value.code == "upstream_proxy_failure"
    else:
        assert caught.value.status == 407


@pytest.mark.parametrize(
    ("answer", "words"), [(b"", NO_CONNECTION), (b"HTTP/1.1 200 Conn", NO_CONNECTION), (b"garbage\r\n\r\n", NO_ANSWER)]
)
def test_a_proxy_that_hangs_up_instead_of_tunnelling(make_client: MakeClient, open_session: OpenSession, answer: bytes, words: str) -> None:
    def hang_up(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(answer)

    with Script(hang_up) as script, open_session(pool_size=2, proxy=script.url.removesuffix("/v1")) as session:
        client = make_client(base_url="https://upstream.example/v1", session=session)
        with pytest.raises(UpstreamError) as caught:
            client.send(CHAT)
    assert caught.value.message == words
