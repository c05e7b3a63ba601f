"""What every replica is to do itself."""

from __future__ import annotations

import logging

import pytest

from proxy.errors import UpstreamRefused
from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import Answer, FakeUpstream
from tests.upstream.conftest import Clock
from tests.upstream.fleets import a_client
from tests.upstream.many_replicas.three_boxes import CHAT, MakeReplicas, an_error, asked, counts

DELETE = UpstreamCall("/api/delete", b"{}", method="DELETE")


def test_each_is_asked_once_and_by_name(client: UpstreamClient, boxes: list[FakeUpstream]) -> None:
    for box in boxes:
        box.on("/api/delete", Answer(200, {}, [], "length"))
    answered = {}
    for label, one in client.of_each_replica().items():
        one.send(DELETE, notes := ExchangeNotes(), once=True).close()
        answered[label] = notes.replica
    assert answered == {"a": "a", "b": "b", "c": "c"}
    assert counts(boxes) == [1, 1, 1]


def test_one_that_fails_stands_for_itself_and_is_not_left_alone(
    client: UpstreamClient, boxes: list[FakeUpstream], caplog: pytest.LogCaptureFixture
) -> None:
    boxes[1].on("/api/delete", an_error(429, {"Retry-After": "60"}))
    with caplog.at_level(logging.WARNING, "proxy.upstream"), pytest.raises(UpstreamRefused, match="sorry 429"):
        client.of_each_replica()["b"].send(DELETE, once=True)
    assert counts(boxes) == [0, 1, 0]
    assert [vars(record)["replica"] for record in caplog.records] == ["b"]
    assert sorted(asked(client) for _ in range(3)) == ["a", "b", "c"]


def test_it_waits_for_no_seat_and_takes_none(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/api/delete", Answer(200, {}, [], "length"))
    client = a_client(make_replicas(boxes[0].base_url, boxes[1].base_url), clock=clock, in_flight=1)
    held = [client.send(CHAT, ExchangeNotes()) for _ in range(2)]
    reply = client.of_each_replica()["a"].send(DELETE, once=True)
    assert client.health()["in_flight"] == 2
    for each in (*held, reply):
        each.close()
    assert client.health()["in_flight"] == 0


def test_those_that_are_known_to_be_unwell_come_last(make_replicas: MakeReplicas, clock: Clock) -> None:
    replicas = make_replicas()
    replicas[0].suspicion = "it is silent"
    assert list(a_client(replicas, clock=clock).of_each_replica()) == ["b", "c", "a"]
