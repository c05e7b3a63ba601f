"""An upstream of three replicas, each a scripted server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from proxy.upstream.client import UpstreamClient
from proxy.upstream.replica import Replica
from tests.fake_upstream import FakeUpstream, json_answer
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_client, a_replica
from tests.upstream.many_replicas.three_boxes import MakeReplicas


@pytest.fixture
def boxes() -> Iterator[list[FakeUpstream]]:
    """Three servers, that answer with their numbers."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(FakeUpstream()) for _ in range(3)]
        for number, server in enumerate(servers):
            server.on("/chat/completions", json_answer({"box": number}))
            server.on("/models", json_answer({"data": []}))
        yield servers


@pytest.fixture
def make_replicas(boxes: list[FakeUpstream], clock: Clock, session: requests.Session) -> MakeReplicas:
    """Replicas at the boxes, called a, b and c; `urls` says where else they are."""

    def make(*urls: str, **changes: Any) -> list[Replica]:
        return [
            a_replica(url, label, session=session, read_error=read_error, clock=clock, **changes)
            for url, label in zip(urls or [box.base_url for box in boxes], "abc", strict=False)
        ]

    return make


@pytest.fixture
def client(make_replicas: MakeReplicas, clock: Clock) -> UpstreamClient:
    return a_client(make_replicas(), clock=clock)
