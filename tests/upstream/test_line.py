"""One exchange with one replica: how long an error's text is waited for, and what a time-out says of the replica."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import requests

from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.line import Line
from proxy.upstream.reply import Timeouts
from proxy.upstream.waits import Wait
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import STALL, Answer, FakeUpstream
from tests.upstream.conftest import read_error

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
TIMEOUTS = Timeouts(connect_s=2, first_byte_s=5, idle_s=5, keepalive_s=2)

Took = Callable[..., float]


@pytest.fixture
def took_s(upstream: FakeUpstream, session: requests.Session) -> Took:
    """Seconds until an answer of status 500 counts as an error, whose text stops short."""
    upstream.on("/chat/completions", Answer(500, steps=[b"so far", STALL]))
    line = Line(upstream.base_url, session=session, read_error=read_error, timeouts=TIMEOUTS)

    def took_s(call: UpstreamCall = CHAT, wait: Wait | None = None, within_s: float | None = None) -> float:
        began_s = time.monotonic()
        fault = line.exchange(call, 0, due_s=None if within_s is None else began_s + within_s, wait=wait)
        assert isinstance(fault, Fault)
        assert (fault.error.status, fault.error.message) == (500, "so far")
        return time.monotonic() - began_s

    return took_s


def test_where_nobody_else_can_be_asked_an_errors_text_is_waited_for(took_s: Took) -> None:
    assert 2.5 < took_s() < 5


def test_where_another_replica_can_be_asked_the_text_is_not_worth_a_wait(took_s: Took) -> None:
    assert took_s(wait=Wait(1, lambda: True)) < 2


def test_where_another_upstream_can_be_asked_the_text_is_not_worth_a_wait(took_s: Took) -> None:
    assert took_s(replace(CHAT, can_go_elsewhere=True)) < 2


def test_an_errors_text_is_not_waited_for_when_time_is_up(took_s: Took) -> None:
    assert took_s(within_s=0.2) < 2


def test_an_errors_text_is_not_waited_for_longer_than_for_an_answer(took_s: Took) -> None:
    assert took_s(replace(CHAT, first_byte_s=0.2)) < 2


@pytest.mark.parametrize(("left_s", "verdict"), [(0.5, Verdict.UNREACHABLE), (0.2, Verdict.LATE)])
def test_who_was_given_but_the_rest_of_a_requests_time_is_not_to_blame(
    upstream: FakeUpstream, session: requests.Session, left_s: float, verdict: Verdict
) -> None:
    upstream.on("/chat/completions", Answer(before=[STALL]))
    line = Line(upstream.base_url, session=session, read_error=read_error, timeouts=replace(TIMEOUTS, total_s=0.5))
    fault = line.exchange(CHAT, 0, due_s=time.monotonic() + left_s)
    assert isinstance(fault, Fault)
    assert (fault.verdict, fault.error.code) == (verdict, "upstream_timeout")
    assert "0.5 s" in fault.error.message


@pytest.mark.parametrize(
    ("total_s", "left_s", "verdict", "code"),
    [
        (10.0, 0.1, Verdict.LATE, "upstream_timeout"),
        (0.1, 0.1, Verdict.UNREACHABLE, "upstream_timeout"),
        (10.0, 5.0, Verdict.UNREACHABLE, "upstream_connect_timeout"),
    ],
)
def test_who_was_given_but_the_rest_of_a_requests_time_to_connect_is_not_to_blame(
    session: requests.Session, total_s: float, left_s: float, verdict: Verdict, code: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        timeouts = replace(TIMEOUTS, connect_s=0.3, total_s=total_s)
        base_url = f"https://127.0.0.1:{mute.getsockname()[1]}/v1"
        fault = Line(base_url, session=session, read_error=read_error, timeouts=timeouts).exchange(CHAT, 0, due_s=time.monotonic() + left_s)
    assert isinstance(fault, Fault)
    assert (fault.verdict, fault.error.code) == (verdict, code)
    assert (f"within {total_s:g} s" in fault.error.message) is (code == "upstream_timeout")


def test_a_question_that_waits_less_than_the_rest_of_the_time_hears_that_it_got_no_connection(session: requests.Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        base_url = f"https://127.0.0.1:{mute.getsockname()[1]}/v1"
        line = Line(base_url, session=session, read_error=read_error, timeouts=replace(TIMEOUTS, total_s=9.0))
        fault = line.exchange(replace(CHAT, first_byte_s=0.1), 0, due_s=time.monotonic() + 1.0)
    assert isinstance(fault, Fault)
    assert (fault.verdict, fault.error.code) == (Verdict.UNREACHABLE, "upstream_connect_timeout")
