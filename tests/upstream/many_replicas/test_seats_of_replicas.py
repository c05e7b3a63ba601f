"""How much a replica may have to do at a time."""

from __future__ import annotations

import pytest

from proxy.errors import Overloaded, UpstreamRefused
from proxy.telemetry import ExchangeNotes
from tests.fake_upstream import FakeUpstream
from tests.upstream.conftest import Clock
from tests.upstream.fleets import a_client
from tests.upstream.many_replicas.three_boxes import CHAT, LIST, MAX, MakeReplicas, an_error, asked


def test_a_replica_has_no_more_to_do_than_it_may(make_replicas: MakeReplicas, clock: Clock) -> None:
    client = a_client(make_replicas(), clock=clock, in_flight=1)
    replies = [client.send(CHAT, notes) for notes in (ExchangeNotes() for _ in range(3))]
    assert client.health()["in_flight"] == 3
    with pytest.raises(Overloaded):
        client.send(CHAT)
    client.send(LIST).close()
    replies[1].read(MAX)
    assert client.health()["in_flight"] == 3, "who reads may still be busy with it"
    replies[1].close()
    assert asked(client) == "b"
    for reply in replies:
        reply.close()


def test_a_failed_attempt_gives_its_seat_back(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", an_error(400))
    client = a_client(make_replicas(boxes[0].base_url), clock=clock, in_flight=1)
    for _ in range(2):
        with pytest.raises(UpstreamRefused):
            client.send(CHAT)
    assert client.health()["in_flight"] == 0


def test_who_was_refused_elsewhere_hears_of_that_and_not_of_the_queue(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock
) -> None:
    boxes[0].on("/chat/completions", an_error(500))
    client = a_client(make_replicas(boxes[0].base_url, boxes[1].base_url), clock=clock, in_flight=1)
    notes = ExchangeNotes()
    while notes.replica != "b":
        held = client.send(CHAT, notes := ExchangeNotes())
    with pytest.raises(UpstreamRefused, match="sorry 500"):
        client.send(CHAT)
    held.close()
