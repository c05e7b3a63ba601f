"""The watch on a client's socket: under gevent's own hub, without a server."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent import socket

from proxy.web.departure import ClientGone, ClientWatch, NoWatch, watch_client

SOON_S = 0.05


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    """The server's end of a connection, and the client's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def watching(ours: Any) -> ClientWatch:
    watch = watch_client({"gunicorn.socket": ours})
    assert isinstance(watch, ClientWatch)
    return watch


def test_client_that_leaves_ends_the_wait(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair

    def wait() -> str:
        watch = watching(ours)
        watch.armed = True
        try:
            gevent.sleep(5)
        except ClientGone:
            return "ended" if watch.gone else "ended, but nobody is gone"
        return "waited"

    waiting = gevent.spawn(wait)
    gevent.sleep(SOON_S)
    theirs.close()
    assert waiting.get(timeout=1) == "ended"


def test_client_that_has_left_before_ends_the_first_wait(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    theirs.close()

    def wait() -> bool:
        watching(ours).armed = True
        with pytest.raises(ClientGone):
            gevent.sleep(5)
        return True

    assert gevent.spawn(wait).get(timeout=1)


def test_client_that_leaves_while_it_is_written_to_is_only_noted(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    watch = watching(ours)
    theirs.close()
    gevent.sleep(SOON_S)
    assert watch.gone


def test_client_that_leaves_after_the_watch_disturbs_nobody(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    watch = watching(ours)
    watch.armed = True
    watch.stop()
    watch.stop()
    theirs.close()
    gevent.sleep(SOON_S)
    assert not watch.gone


def test_next_request_on_the_connection_is_no_departure_and_stays_unread(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    watch = watching(ours)
    watch.armed = True
    theirs.sendall(b"GET /")
    gevent.sleep(SOON_S)
    assert not watch.gone
    assert ours.recv(5) == b"GET /"
    theirs.close()
    gevent.sleep(SOON_S)
    assert not watch.gone


def test_client_that_resets_the_connection_is_gone() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    theirs = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
    with listener, ours:
        watch = watching(ours)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        gevent.sleep(SOON_S)
        assert watch.gone


@pytest.mark.parametrize(
    "client_socket",
    [None, SimpleNamespace(), ssl.SSLSocket.__new__(ssl.SSLSocket)],
    ids=["other servers", "other workers", "TLS in gunicorn"],
)
def test_departures_that_cannot_be_seen_are_not_looked_for(client_socket: Any) -> None:
    watch = watch_client({} if client_socket is None else {"gunicorn.socket": client_socket})
    assert isinstance(watch, NoWatch)
    watch.armed = True
    watch.stop()
    assert not watch.gone


def test_departure_is_no_failure_that_somebody_could_catch() -> None:
    assert not issubclass(ClientGone, Exception)
