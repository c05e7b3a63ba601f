"""Which answers prove that a replica that is left alone is well again, and which requests go and see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from proxy.errors import UpstreamBroken, UpstreamRefused
from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from proxy.upstream.reply import UpstreamReply
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import Answer, FakeUpstream, json_answer, stream_of
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_client, a_replica

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
LIST = UpstreamCall("/models", method="GET")
TOO_MUCH = json_answer({"error": {"message": "slow down"}}, 429, {"Retry-After": "60"})
WRONG_KEY = json_answer({"error": {"message": "who are you?"}}, 401)


@pytest.fixture
def other() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server


@pytest.fixture
def client(upstream: FakeUpstream, other: FakeUpstream, session: requests.Session, clock: Clock) -> UpstreamClient:
    """A client of two replicas, of which the first is asked first."""
    for server in (upstream, other):
        server.on("/chat/completions", stream_of({"n": 1}))
        server.on("/models", json_answer({"data": []}))
    replicas = [
        a_replica(server.base_url, label, session=session, read_error=read_error, clock=clock)
        for server, label in ((upstream, "one"), (other, "two"))
    ]
    return a_client(replicas, clock=clock)


def sent(client: UpstreamClient, call: UpstreamCall = CHAT) -> tuple[UpstreamReply, ExchangeNotes]:
    """An answer that has begun."""
    notes = ExchangeNotes(upstream_model="m")
    reply = client.send(call, notes)
    return reply, notes


def end(reply: UpstreamReply, notes: ExchangeNotes) -> None:
    """Lets the answer come to its end."""
    assert b"".join(reply.chunks())
    notes.end = "finished"
    reply.close()


def asked(client: UpstreamClient, requests: int = 6) -> set[str]:
    """The replicas that answer so many requests, one after the other."""
    found = set()
    for _ in range(requests):
        reply, notes = sent(client)
        client.answered("m", notes)
        end(reply, notes)
        found.add(notes.replica)
    return found


@pytest.mark.parametrize("refusal", [TOO_MUCH, WRONG_KEY])
def test_an_answer_to_what_was_sent_before_it_is_no_proof(
    client: UpstreamClient, upstream: FakeUpstream, clock: Clock, refusal: Answer
) -> None:
    """Else `Retry-After` would last as long as the next stream that was under way already."""
    reply, notes = sent(client)
    assert notes.replica == "one"
    upstream.on("/chat/completions", refusal)
    clock.now_s += 1
    assert asked(client) == {"two"}
    assert len(upstream.requests) == 2
    client.answered("m", notes)
    end(reply, notes)
    assert asked(client) == {"two"}
    assert len(upstream.requests) == 2


def test_an_answer_to_what_was_sent_before_another_one_broke_off_is_no_proof(client: UpstreamClient, clock: Clock) -> None:
    early, early_notes = sent(client)
    sent(client)[0].close()
    late, late_notes = sent(client)
    assert (early_notes.replica, late_notes.replica) == ("one", "one")
    clock.now_s += 1
    client.stream_failed(late_notes, UpstreamBroken("cut"))
    late.close()
    end(early, early_notes)
    assert asked(client) == {"two"}


def test_an_answer_to_what_was_sent_since_is_one(client: UpstreamClient, upstream: FakeUpstream, other: FakeUpstream, clock: Clock) -> None:
    """Who is asked all the same, because nobody is well, has told what he has to say."""
    for server in (upstream, other):
        server.on("/chat/completions", TOO_MUCH, stream_of({"n": 1}))
    clock.now_s += 1
    with pytest.raises(UpstreamRefused, match="slow down"):
        client.send(CHAT)
    clock.now_s += 1
    assert asked(client, 1) == {"one"}
    assert {name: replica["cooling_s"] for name, replica in client.health()["replicas"].items()} == {"one": {}, "two": {"m": 59.0}}


def test_a_question_does_not_take_the_trial_from_who_can_prove_something(
    client: UpstreamClient, upstream: FakeUpstream, clock: Clock
) -> None:
    upstream.on("/chat/completions", WRONG_KEY, stream_of({"n": 1}))
    assert asked(client, 1) == {"two"}
    clock.now_s += 5
    upstream_asked = len(upstream.requests)
    while len(upstream.requests) == upstream_asked:
        client.send(LIST).close()
    assert asked(client) == {"one", "two"}
