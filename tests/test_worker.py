"""The worker's parts that can be looked at without a worker; the whole is tested in `tests/live`."""

from __future__ import annotations

import socket as plain
import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.config import Config

from proxy.worker import IdleTimeout, close_listener, keep_at_hand

Ends = tuple[Any, Any]
WAITS: set[IdleTimeout] = set()


@pytest.fixture
def ends() -> Iterator[Ends]:
    """The two ends of a connection."""
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def read(client: Any, patience_s: float) -> bytes | None:
    """What comes in time; `None` when the wait is over before."""
    with IdleTimeout(patience_s, client, WAITS):
        return bytes(client.recv(100))
    return None


def test_connection_over_which_nothing_comes_is_given_up(ends: Ends) -> None:
    began_s = time.monotonic()
    assert gevent.spawn(read, ends[0], 0.05).get() is None
    assert time.monotonic() - began_s >= 0.05


def test_request_that_comes_in_time_is_read(ends: Ends) -> None:
    reading = gevent.spawn(read, ends[0], 5)
    gevent.sleep(0)
    ends[1].sendall(b"GET")
    assert reading.get() == b"GET"


def test_request_that_came_while_the_worker_was_busy_is_read_although_the_time_is_over(ends: Ends) -> None:
    """The loop has looked at the sockets, and works off what it found: then the bytes come, and then the time is over."""
    reading = gevent.spawn(read, ends[0], 0.02)
    gevent.sleep(0)
    work = gevent.get_hub().loop.timer(0.01, priority=1)
    work.start(ends[1]._sock.send, b"GET")
    time.sleep(0.05)
    assert reading.get() == b"GET"
    work.close()


def test_client_that_has_closed_is_not_waited_for(ends: Ends) -> None:
    reading = gevent.spawn(read, ends[0], 0.02)
    gevent.sleep(0)
    ends[1].close()
    time.sleep(0.05)
    assert reading.get() == b""


def test_wait_that_is_given_up_ends_in_silence(ends: Ends) -> None:
    reading = gevent.spawn(read, ends[0], 60)
    gevent.sleep(0)
    (wait,) = WAITS
    wait.give_up()
    assert reading.get(timeout=5) is None
    assert set() == WAITS


def test_request_that_came_before_the_wait_was_given_up_is_read(ends: Ends) -> None:
    reading = gevent.spawn(read, ends[0], 60)
    gevent.sleep(0)
    (wait,) = WAITS
    ends[1]._sock.send(b"GET")
    wait.give_up()
    assert reading.get(timeout=5) == b"GET"


def test_wait_that_has_ended_before_it_is_given_up_harms_nobody(ends: Ends) -> None:
    reading = gevent.spawn(read, ends[0], 60)
    gevent.sleep(0)
    (wait,) = WAITS
    ends[1].sendall(b"GET")
    assert reading.get(timeout=5) == b"GET"
    wait.give_up()
    gevent.sleep(0.01)
    assert reading.successful()


def test_fault_of_a_request_is_not_hidden(ends: Ends) -> None:
    with pytest.raises(ValueError, match="odd"), IdleTimeout(5, ends[0], set()):
        raise ValueError("odd")


def test_connections_that_wait_when_the_listener_is_closed_are_served() -> None:
    def serve(client: Any, _: object) -> None:
        client.sendall(b"served")

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    pool = Pool(10)
    server = StreamServer(listener, serve, spawn=pool)
    server.start()
    clients = [plain.create_connection(listener.getsockname()) for _ in range(3)]  # the loop stands still meanwhile
    close_listener(server)
    assert len(pool) == 3
    pool.join()
    assert [client.recv(10) for client in clients] == [b"served"] * 3
    with pytest.raises(ConnectionRefusedError):
        plain.create_connection(clients[0].getpeername())
    for client in clients:
        client.close()


def test_settings_at_hand_are_those_that_were_set_before() -> None:
    told, kept = Config(), Config()
    for cfg in (told, kept):
        cfg.set("keepalive", 7)
        cfg.set("proc_name", "gateway")
    keep_at_hand(kept)
    assert kept.keepalive == 7
    # Some are no settings but properties with the name of one; those are asked as before.
    assert {name: str(getattr(kept, name)) for name in kept.settings} == {name: str(getattr(told, name)) for name in told.settings}
    with pytest.raises(AttributeError):
        kept.no_such_setting  # noqa: B018
