"""The vendor's SDK as judge: it reads what our renderers wrote, from a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anthropic
import pytest

from tests.fake_upstream import Answer, FakeUpstream, Step
from tests.vendors import anthropic_at

Reads = Callable[..., anthropic.Anthropic]


@pytest.fixture
def sdk(upstream: FakeUpstream) -> Iterator[Reads]:
    """Makes a client of the vendor's whose requests to `/v1/messages` are all answered with these bytes."""
    clients = []

    def client_of(*steps: Step, status: int = 200, stream: bool = True, path: str = "/v1/messages") -> anthropic.Anthropic:
        kind = "text/event-stream" if stream else "application/json"
        upstream.on(path, Answer(status, {"content-type": kind, "request-id": "req_1"}, steps))
        clients.append(anthropic_at(upstream.origin))
        return clients[-1]

    yield client_of
    for client in clients:
        client.close()
