"""Which replicas are left alone, for how long, and who is asked when that holds for all."""

from __future__ import annotations

import logging

import pytest

from proxy.errors import UpstreamRefused, UpstreamUnavailable
from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import STALL, FakeUpstream, json_answer, stream_of
from tests.upstream.conftest import Clock
from tests.upstream.fleets import a_client
from tests.upstream.many_replicas.three_boxes import CHAT, GONE, MAX, MakeReplicas, an_error, asked, counts, sent_to


def test_a_429_leaves_the_model_alone_for_as_long_as_the_replica_says(
    client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock
) -> None:
    boxes[0].on("/chat/completions", an_error(429, {"Retry-After": "3"}), json_answer({}))
    other = UpstreamCall("/chat/completions", b'{"model":"n"}', model="n")
    assert asked(client) == "b"
    assert [asked(client) for _ in range(4)].count("a") == 0
    assert client.health()["replicas"]["a"]["cooling_s"] == {"m": 3.0}
    assert "a" in {asked(client, other) for _ in range(6)}
    clock.now_s += 3
    assert "a" in {asked(client) for _ in range(6)}
    assert client.health()["replicas"]["a"]["cooling_s"] == {}


def test_a_refused_key_leaves_the_replica_alone_and_is_told_to_the_operator(
    client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    boxes[0].on("/chat/completions", an_error(401), json_answer({}))
    assert asked(client) == "b"
    (record,) = caplog.records
    assert (record.levelno, record.__dict__["replica"], record.__dict__["upstream_status"]) == (logging.ERROR, "a", 401)
    assert {asked(client) for _ in range(4)} == {"b", "c"}
    clock.now_s += 5
    assert "a" in {asked(client) for _ in range(6)}


def test_after_a_rest_one_request_goes_and_sees(client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", an_error(401), stream_of({}, then=[STALL]))
    asked(client)
    clock.now_s += 5
    trial, _ = sent_to(client, "a")
    assert {asked(client) for _ in range(6)} == {"b", "c"}
    trial.close()


def test_five_failures_in_a_row_open_the_breaker_of_one_replica(client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", *[an_error(500)] * 5, json_answer({}))
    while len(boxes[0].requests) < 5:
        asked(client)
    assert client.health()["replicas"]["a"]["ill_models"] == {"m": "open"}
    assert {asked(client) for _ in range(4)} == {"b", "c"}
    clock.now_s += 5
    assert "a" in {asked(client) for _ in range(6)}


def test_when_all_are_ill_the_one_that_is_free_soonest_is_asked_anyway(
    client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock
) -> None:
    for seconds, box in zip((9, 3, 6), boxes, strict=True):
        box.on("/chat/completions", an_error(429, {"Retry-After": str(seconds)}), json_answer({}))
    with pytest.raises(UpstreamRefused):
        client.send(CHAT)
    assert asked(client) == "b"
    assert counts(boxes) == [1, 2, 1]


def test_nobody_who_asked_to_be_left_alone_is_asked_as_a_second_choice(
    client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock
) -> None:
    for box in boxes:
        box.on("/chat/completions", an_error(429, {"Retry-After": "30"}))
    for _ in range(2):
        with pytest.raises(UpstreamRefused):
            client.send(CHAT)
    assert sum(counts(boxes)) == 4


def test_when_all_breakers_are_open_one_at_a_time_is_let_through_to_each(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock
) -> None:
    for box in boxes[:2]:
        box.on("/chat/completions", an_error(500))
    client = a_client(make_replicas(boxes[0].base_url, boxes[1].base_url, failures=1), clock=clock)
    with pytest.raises(UpstreamRefused):
        client.send(CHAT)
    before = sum(counts(boxes))
    with pytest.raises(UpstreamRefused, match="sorry 500"):
        client.send(CHAT)
    assert sum(counts(boxes)) == before + 2


def test_when_all_probes_are_under_way_the_client_hears_at_once_why(make_replicas: MakeReplicas, clock: Clock) -> None:
    replicas = make_replicas(GONE, "http://127.0.0.1:2/v1", failures=1)
    client = a_client(replicas, clock=clock)
    with pytest.raises(UpstreamUnavailable):
        client.send(CHAT)
    with replicas[0].breakers.admit("m", anyway=True), replicas[1].breakers.admit("m", anyway=True):
        notes = ExchangeNotes()
        with pytest.raises(UpstreamUnavailable, match="1 times in a row") as caught:
            client.send(CHAT, notes)
    assert (caught.value.code, notes.attempts) == ("upstream_circuit_open", 0)


def test_a_suspected_replica_is_avoided_unless_all_are(make_replicas: MakeReplicas, clock: Clock) -> None:
    replicas = make_replicas()
    client = a_client(replicas, clock=clock)
    replicas[0].suspicion = replicas[1].suspicion = "silent"
    assert {asked(client) for _ in range(4)} == {"c"}
    replicas[2].suspicion = "silent"
    assert {asked(client) for _ in range(6)} == {"a", "b", "c"}


def test_one_replica_that_wants_to_be_left_alone_is_asked_again_also_where_it_has_a_limit(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock
) -> None:
    boxes[0].on("/chat/completions", an_error(429), an_error(429), json_answer({}))
    client = a_client(make_replicas(boxes[0].base_url, keys=("sk-one", "sk-two")), clock=clock, in_flight=1)
    assert client.send(CHAT).read(MAX) == b"{}"
