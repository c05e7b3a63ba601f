"""The head of an answer leaves together with the beginning of its body."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from proxy.web.first_packet import FirstPacket


class CountedSocket:
    """A socket that tells how its bytes were sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, data: bytes, flags: int = 0) -> None:
        self.sent.append(data)

    def shutdown(self, how: int) -> None:
        self.sent.append(b"(shut down)")


@pytest.fixture
def client() -> CountedSocket:
    return CountedSocket()


def test_the_head_waits_for_the_body(client: CountedSocket) -> None:
    joined = FirstPacket(client)
    joined.sendall(b"head")
    assert client.sent == []
    joined.sendall(b"body")
    joined.sendall(b"more")
    joined.flush()
    assert client.sent == [b"headbody", b"more"]


def test_a_head_without_a_body_is_sent_at_the_end(client: CountedSocket) -> None:
    joined = FirstPacket(client)
    joined.sendall(b"head")
    joined.flush()
    joined.flush()
    assert client.sent == [b"head"]


def test_a_large_body_is_not_copied(client: CountedSocket) -> None:
    joined = FirstPacket(client)
    large = bytes(100_000)
    joined.sendall(b"head")
    joined.sendall(large)
    assert client.sent == [b"head", large]
    assert client.sent[1] is large


def test_what_waits_goes_before_anything_else_that_is_done_with_the_socket(client: CountedSocket) -> None:
    joined = FirstPacket(client)
    joined.sendall(b"head")
    joined.shutdown(socket.SHUT_WR)
    assert client.sent == [b"head", b"(shut down)"]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_it_is_the_socket_for_all_else(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(b"asked")
    assert FirstPacket(ours).recv(10) == b"asked"
    assert FirstPacket(ours).fileno() == ours.fileno()


def test_a_client_that_is_gone_is_an_error_as_ever(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.close()
    joined = FirstPacket(ours)
    joined.sendall(b"head")
    with pytest.raises(OSError, match="pipe"):
        joined.sendall(b"body")
