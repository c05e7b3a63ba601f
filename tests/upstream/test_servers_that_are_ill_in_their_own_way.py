"""Statuses from 500 on that are no reason to ask the same server again: another one may be well."""

from __future__ import annotations

import pytest
import requests

from proxy.errors import UpstreamRefused
from proxy.upstream.client import UpstreamClient
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import FakeUpstream, json_answer
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_client, a_replica

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
STATUSES = [505, 507, 511, 525, 526, 527, 530]


def a_client_of(*servers: FakeUpstream, session: requests.Session, clock: Clock) -> UpstreamClient:
    return a_client(
        [
            a_replica(server.base_url, f"box {place}", session=session, read_error=read_error, clock=clock)
            for place, server in enumerate(servers)
        ],
        clock=clock,
    )


@pytest.mark.parametrize("status", STATUSES)
def test_another_replica_is_asked(upstream: FakeUpstream, session: requests.Session, clock: Clock, status: int) -> None:
    upstream.on("/chat/completions", json_answer({"error": {"message": "ill"}}, status))
    with FakeUpstream() as other:
        other.on("/chat/completions", json_answer({"well": True}))
        client = a_client_of(upstream, other, session=session, clock=clock)
        assert [client.send(CHAT).read(100) for _ in range(3)] == [b'{"well": true}'] * 3


@pytest.mark.parametrize("status", STATUSES)
def test_the_same_replica_is_not(upstream: FakeUpstream, session: requests.Session, clock: Clock, status: int) -> None:
    upstream.on("/chat/completions", json_answer({"error": {"message": "ill"}}, status))
    with pytest.raises(UpstreamRefused, match="ill"):
        a_client_of(upstream, session=session, clock=clock).send(CHAT)
    assert (len(upstream.requests), clock.slept) == (1, [])
