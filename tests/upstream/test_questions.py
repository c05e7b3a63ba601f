"""Questions to upstreams, such as for their lists of models: what is said to them is said of no work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from proxy.errors import UpstreamRefused
from proxy.upstream.client import UpstreamClient
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_client, a_replica

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
LIST = UpstreamCall("/models", method="GET")
MAX = 1_000_000
REFUSALS = [json_answer({"error": {"message": "missing scope: read models"}}, status) for status in (401, 403)]


@pytest.fixture
def other() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server


@pytest.fixture
def servers(upstream: FakeUpstream, other: FakeUpstream) -> list[FakeUpstream]:
    for server in (upstream, other):
        server.on("/chat/completions", json_answer({}))
        server.on("/models", json_answer({"data": []}))
    return [upstream, other]


class Asking:
    """A client of so many of the servers."""

    def __init__(self, servers: list[FakeUpstream], session: requests.Session, clock: Clock, keys: tuple[str, ...]) -> None:
        self.servers = servers
        self.client: UpstreamClient = a_client(
            [
                a_replica(server.base_url, label, session=session, read_error=read_error, clock=clock, keys=keys)
                for server, label in zip(servers, ("one", "two"), strict=False)
            ],
            clock=clock,
        )

    def ask(self, call: UpstreamCall) -> bytes:
        return self.client.send(call).read(MAX)

    def counts(self, call: UpstreamCall) -> list[int]:
        return [len(server.requests_to(call.path)) for server in self.servers]

    def rests(self) -> list[object]:
        """Who is left alone."""
        replicas = self.client.health()["replicas"].values()
        return [rest for replica in replicas for rest in (replica["cooling_s"], replica["resting_keys_s"]) if rest]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("keys", [("sk-one",), ("sk-one", "sk-two")])
@pytest.mark.parametrize("size", [1, 2])
def test_a_key_that_may_not_list_may_chat(
    servers: list[FakeUpstream], session: requests.Session, clock: Clock, size: int, keys: tuple[str, ...], refusal: Answer
) -> None:
    asking = Asking(servers[:size], session, clock, keys)
    for server in servers:
        server.on("/models", refusal)
    with pytest.raises(UpstreamRefused, match="missing scope"):
        asking.ask(LIST)
    assert asking.rests() == []
    assert sum(asking.counts(LIST)) <= max(size, len(keys)) + 1
    for _ in range(4):
        asking.ask(CHAT)
    assert sum(asking.counts(CHAT)) == 4


@pytest.mark.parametrize("size", [1, 2])
def test_a_list_that_one_key_is_refused_is_asked_for_with_the_next(
    servers: list[FakeUpstream], session: requests.Session, clock: Clock, size: int
) -> None:
    def answer(request: Request) -> Answer:
        return REFUSALS[0] if request.headers["authorization"] == "Bearer sk-one" else json_answer({"data": ["m"]})

    for server in servers:
        server.on("/models", answer)
    asking = Asking(servers[:size], session, clock, ("sk-one", "sk-two"))
    for _ in range(4):
        assert b"m" in asking.ask(LIST)
    assert asking.rests() == []


def test_a_list_that_one_replica_refuses_is_asked_for_at_the_next(
    servers: list[FakeUpstream], session: requests.Session, clock: Clock
) -> None:
    servers[0].on("/models", REFUSALS[0])
    asking = Asking(servers, session, clock, ("sk-one",))
    for _ in range(3):
        assert asking.ask(LIST)
    assert asking.rests() == []


def test_what_a_question_is_refused_for_other_reasons_is_said_of_all(
    servers: list[FakeUpstream], session: requests.Session, clock: Clock
) -> None:
    servers[0].on("/models", json_answer({"error": {"message": "slow down"}}, 429, {"Retry-After": "9"}), json_answer({}))
    asking = Asking(servers[:1], session, clock, ("sk-one", "sk-two"))
    asking.ask(LIST)
    assert asking.rests() == [{"key 1 of 2": 9.0}]
