"""A client to the scripted upstream, with clocks and sleeping in the test's hands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import random
from typing import Any

import orjson
import pytest
import requests

from proxy.errors import UpstreamRefused
from proxy.settings import Transport
from proxy.upstream.breaker import Breakers
from proxy.upstream.choice import LeastInFlight
from proxy.upstream.client import UpstreamClient
from proxy.upstream.line import ReadError
from proxy.upstream.reply import Timeouts
from proxy.upstream.retry import RetryPolicy
from proxy.upstream.session import make_session
from tests.fake_upstream import FakeUpstream
from tests.upstream.fleets import a_client, a_replica

MakeClient = Callable[..., UpstreamClient]
OpenSession = Callable[..., requests.Session]


class Clock:
    """A clock that stands still unless told to go on, and sleeping that makes it go on."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
    """The error of an answer, read in the simplest way."""
    try:
        raw = orjson.loads(body)
        error = raw["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return UpstreamRefused(body.decode("latin-1") or "no text", status=status)
    return UpstreamRefused(error["message"], status=status, code=error.get("code"), raw=raw)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["urllib3", "fast"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each way of speaking HTTP to upstreams."""
    transport: Transport = request.param
    return transport


@pytest.fixture
def open_session(transport: Transport) -> OpenSession:
    """Makes a session, as `make_session` does, with the transport that is tested."""
    return partial(make_session, transport=transport)


@pytest.fixture
def session(open_session: OpenSession) -> Iterator[requests.Session]:
    with open_session(pool_size=8) as session:
        yield session


@pytest.fixture
def make_client(upstream: FakeUpstream, clock: Clock, session: requests.Session) -> MakeClient:
    """Makes a client to the scripted upstream; `changes` replace parts of it."""

    def make(**changes: Any) -> UpstreamClient:
        breakers = Breakers(failures=5, cooldown_s=5.0, clock=clock)
        parts: dict[str, Any] = {
            "name": "default",
            "base_url": upstream.base_url,
            "api_key": "sk-test",
            "session": session,
            "policy": RetryPolicy(max_retries=0),
            "breakers": breakers,
            "read_error": read_error,
            "timeouts": Timeouts(connect_s=2.0, first_byte_s=5.0, idle_s=5.0, keepalive_s=2.0),
            "sleep": clock.sleep,
            "clock": clock,
            "wall_clock": lambda: 1_700_000_000.0,
        }
        return client_of_one_replica(**{**parts, **changes})

    return make


def client_of_one_replica(
    *,
    name: str = "default",
    base_url: str,
    api_key: str = "",
    session: requests.Session,
    policy: RetryPolicy,
    breakers: Breakers,
    read_error: ReadError,
    timeouts: Timeouts,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    wall_clock: Callable[[], float] = time.time,
) -> UpstreamClient:
    """A client of an upstream with one replica and one key."""
    replica = a_replica(
        base_url,
        session=session,
        read_error=read_error,
        clock=clock,
        wall_clock=wall_clock,
        keys=(api_key,),
        timeouts=timeouts,
        breakers=breakers,
    )
    return a_client((replica,), clock=clock, sleep=sleep, policy=policy, choice=LeastInFlight(random), name=name)
