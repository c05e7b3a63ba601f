"""Replicas that take a request slowly, or not at all: that is part of a request's time, and of the wait that can be called off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
import requests

from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.line import Line
from proxy.upstream.reply import Timeouts
from proxy.upstream.session import make_session
from proxy.upstream.waits import Wait
from proxy.wire.messages import UpstreamCall
from tests.upstream.conftest import read_error
from tests.upstream.script import Script

TOO_MUCH = UpstreamCall("/chat/completions", b"x" * 20_000_000, model="m")
TIMEOUTS = Timeouts(connect_s=2, first_byte_s=0.3, idle_s=5, keepalive_s=2, total_s=0.5)
SECONDS_OF_TRYING = 5


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Of the usual transport: urllib3's has no way to be told how much time is left."""
    with make_session(pool_size=2, transport="fast") as session:
        yield session


@pytest.fixture
def frozen() -> Iterator[str]:
    """The address of a server that takes connections, and nothing over them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


LineTo = Callable[..., Line]


@pytest.fixture
def line_to(session: requests.Session) -> LineTo:
    return lambda url, **times: Line(url, session=session, read_error=read_error, timeouts=replace(TIMEOUTS, **times))


@pytest.mark.parametrize(("left_s", "verdict"), [(0.5, Verdict.UNREACHABLE), (0.25, Verdict.LATE)])
def test_a_request_that_is_not_taken_ends_when_its_time_is_over(frozen: str, line_to: LineTo, left_s: float, verdict: Verdict) -> None:
    began_s = time.monotonic()
    fault = line_to(frozen).exchange(TOO_MUCH, 0, due_s=began_s + left_s)
    assert left_s - 0.05 < time.monotonic() - began_s < SECONDS_OF_TRYING
    assert isinstance(fault, Fault)
    assert (fault.error.status, fault.verdict) == (504, verdict)
    assert "not complete within 0.5 s" in fault.error.message


def test_what_is_taken_late_leaves_less_time_for_the_answer(line_to: LineTo) -> None:
    def serve(client: socket.socket) -> None:
        time.sleep(0.8)
        with suppress(TimeoutError):
            client.settimeout(1)
            while client.recv(1 << 20):
                pass
        is_over.wait(SECONDS_OF_TRYING)

    is_over = threading.Event()
    with Script(serve) as script:
        began_s = time.monotonic()
        fault = line_to(script.url, total_s=1.0, first_byte_s=3.0).exchange(TOO_MUCH, 0, due_s=began_s + 1.0)
        took_s = time.monotonic() - began_s
        is_over.set()
    assert isinstance(fault, Fault)
    assert "not complete within 1 s" in fault.error.message
    assert took_s < 1.5  # And not the wait for the first byte on top.


@pytest.mark.parametrize("due_s", [None, 60.0])
def test_who_waits_for_a_request_to_be_taken_can_be_called_off(frozen: str, line_to: LineTo, due_s: float | None) -> None:
    def call_off() -> None:
        end_s = time.monotonic() + SECONDS_OF_TRYING
        while not wait.call_off(1) and time.monotonic() < end_s:
            time.sleep(0.01)

    wait = Wait(1, lambda: True)
    looks = threading.Thread(target=call_off)
    looks.start()
    began_s = time.monotonic()
    due_s = None if due_s is None else began_s + due_s
    fault = line_to(frozen).exchange(TOO_MUCH, 0, due_s=due_s, wait=wait)
    looks.join()
    assert time.monotonic() - began_s < SECONDS_OF_TRYING
    assert wait.was_called_off
    assert isinstance(fault, Fault)
    assert "looks at it found it silent" in fault.error.message


def test_where_no_time_is_set_a_request_may_take_its_own_to_be_sent(line_to: LineTo) -> None:
    """Pictures take long on a slow line: the wait for the first byte begins when the request is sent."""

    def serve(client: socket.socket) -> None:
        time.sleep(0.5)
        left = len(TOO_MUCH.body or b"")
        while left > 0:
            left -= len(client.recv(1 << 20))
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with Script(serve) as script:
        reply = line_to(script.url).exchange(TOO_MUCH, 0)
        assert not isinstance(reply, Fault)
        assert reply.read(10) == b"{}"
