"""Which key a replica is shown, and who suffers when it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.errors import UpstreamRefused
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.upstream.conftest import Clock
from tests.upstream.fleets import a_client
from tests.upstream.many_replicas.three_boxes import CHAT, MAX, MakeReplicas, an_error, asked, counts


def test_keys_take_turns_and_one_that_is_refused_rests(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    def answer(request: Any) -> Answer:
        return an_error(429, {"Retry-After": "9"}) if request.headers["authorization"] == "Bearer sk-one" else json_answer({})

    boxes[0].on("/chat/completions", answer)
    client = a_client(make_replicas(boxes[0].base_url, keys=("sk-one", "sk-two")), clock=clock)
    notes = ExchangeNotes()
    client.send(CHAT, notes).read(MAX)
    assert (notes.attempts, notes.replica, clock.slept) == (2, "", [])
    for _ in range(3):
        client.send(CHAT).read(MAX)
    shown = [request.headers["authorization"] for request in boxes[0].requests]
    assert shown == ["Bearer sk-one", *["Bearer sk-two"] * 4]
    assert client.health()["replicas"]["a"]["resting_keys_s"] == {"key 1 of 2": 9.0}


def test_when_all_keys_rest_the_next_replica_is_asked(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", an_error(401))
    client = a_client(make_replicas(keys=("sk-one", "sk-two")), clock=clock)
    assert asked(client) in "bc"
    while len(boxes[0].requests) < 2:
        asked(client)
    assert {asked(client) for _ in range(4)} == {"b", "c"}


def test_a_clients_own_key_is_shown_and_judged_alone(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", an_error(401), json_answer({}))
    client = a_client(make_replicas(keys=("sk-ours",), headers={"X-Team": "search", "Authorization": "Basic ours"}), clock=clock)
    call = UpstreamCall("/chat/completions", b"{}", model="m", client_secret="sk-theirs")
    with pytest.raises(UpstreamRefused):
        client.send(call)
    assert counts(boxes) == [1, 0, 0]
    assert client.health()["replicas"]["a"]["cooling_s"] == {}
    (request,) = boxes[0].requests
    assert (request.headers["authorization"], request.headers["x-team"]) == ("Bearer sk-theirs", "search")
    assert "sk-theirs" not in repr(call)
    asked(client)
    assert boxes[1].requests[0].headers["authorization"] == "Bearer sk-ours"


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_client_without_the_key_that_it_should_have_brought_is_judged_alone(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock, status: int
) -> None:
    boxes[0].on("/chat/completions", an_error(status), json_answer({}))
    client = a_client(make_replicas(), clock=clock, clients_bring_keys=True)
    with pytest.raises(UpstreamRefused):
        client.send(CHAT)
    assert counts(boxes) == [1, 0, 0]
    assert client.health()["replicas"]["a"]["cooling_s"] == {}


def test_a_clients_own_key_is_in_no_message(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", json_answer({"error": {"message": "wrong key sk-theirs-123"}}, 401))
    with pytest.raises(UpstreamRefused) as caught:
        a_client(make_replicas(), clock=clock).send(UpstreamCall("/chat/completions", b"{}", model="m", client_secret="sk-theirs-123"))
    assert "sk-theirs" not in caught.value.message
