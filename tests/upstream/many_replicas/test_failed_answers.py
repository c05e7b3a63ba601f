"""Answers that fail after their head, and those that prove that a replica is well again."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.errors import Overloaded, UpstreamBroken, UpstreamRefused
from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from tests.fake_upstream import Answer, FakeUpstream, json_answer, stream_of
from tests.upstream.conftest import Clock
from tests.upstream.fleets import a_client
from tests.upstream.many_replicas.three_boxes import CHAT, MAX, MakeReplicas, asked, sent, sent_to


def test_an_answer_that_failed_early_is_asked_for_elsewhere(client: UpstreamClient, clock: Clock) -> None:
    reply, notes = sent(client)
    reply.close()
    assert notes.replica == "a"
    assert client.ask_again(UpstreamBroken("a web page"), notes)
    assert asked(client, notes=notes) == "b"
    assert (notes.attempts, notes.failures, clock.slept) == (2, ["upstream_broken"], [])
    assert {asked(client) for _ in range(4)} == {"b", "c"}


def test_early_failures_of_all_replicas_end(client: UpstreamClient) -> None:
    notes = ExchangeNotes(upstream_model="m")
    tries = 0
    while True:
        tries += 1
        client.send(CHAT, notes).close()
        if not client.ask_again(UpstreamBroken("a web page"), notes):
            break
    assert tries == 3


def test_errors_inside_an_answer_open_the_breaker_of_their_replica(make_replicas: MakeReplicas, clock: Clock) -> None:
    client = a_client(make_replicas(failures=1), clock=clock)
    reply, notes = sent(client)
    reply.close()
    assert client.ask_again(UpstreamRefused("boom", status=503, upstream_status=200), notes)
    assert client.health()["replicas"]["a"]["ill_models"] == {"m": "open"}
    assert client.health()["replicas"]["b"]["ill_models"] == {}


def test_a_stream_that_broke_keeps_others_away_until_one_has_ended_well(
    client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock
) -> None:
    reply, notes = sent(client)
    assert notes.replica == "a"
    client.stream_failed(notes, UpstreamBroken("cut"))
    reply.close()
    assert {asked(client) for _ in range(4)} == {"b", "c"}
    clock.now_s += 5
    gate = boxes[0].gate()
    boxes[0].on("/chat/completions", stream_of({}, then=[gate]))
    trial, trial_notes = sent_to(client, "a")
    client.answered("m", trial_notes)
    assert {asked(client) for _ in range(4)} == {"b", "c"}, "it has only begun"
    gate.set()
    assert b"".join(trial.chunks())
    trial_notes.end = "finished"
    trial.close()
    boxes[0].on("/chat/completions", json_answer({}))
    assert "a" in {asked(client) for _ in range(6)}


def test_a_stream_that_ended_in_good_form_but_said_nothing_of_it_is_no_proof(client: UpstreamClient) -> None:
    reply, notes = sent(client)
    reply.read(MAX)
    client.stream_failed(notes, UpstreamBroken("no finish"))
    reply.close()
    assert {asked(client) for _ in range(4)} == {"b", "c"}


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_an_answer_that_has_said_all_is_a_proof_however_its_connection_ends(
    client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock, framing: Any
) -> None:
    reply, notes = sent(client)
    client.stream_failed(notes, UpstreamBroken("cut"))
    reply.close()
    clock.now_s += 5
    gate = boxes[0].gate()
    boxes[0].on("/chat/completions", Answer(200, {}, [b"all", gate], framing))
    trial, trial_notes = sent_to(client, "a")
    assert next(trial.chunks()) == b"all"
    trial_notes.end = "finished"
    trial.drain_or_close()
    gate.set()
    boxes[0].on("/chat/completions", json_answer({}))
    assert "a" in {asked(client) for _ in range(6)}


def test_an_answer_that_was_read_and_not_judged_is_no_proof(client: UpstreamClient, clock: Clock) -> None:
    reply, notes = sent(client)
    assert client.ask_again(UpstreamBroken("what is no answer"), notes)
    reply.close()
    clock.now_s += 5
    trial, trial_notes = sent_to(client, "a")
    trial.read(MAX)
    assert {asked(client) for _ in range(4)} == {"b", "c"}, "nobody has said what it was"
    client.answered("m", trial_notes, ended=True)
    assert "a" in {asked(client) for _ in range(6)}


def test_a_client_that_left_is_nobodys_fault(client: UpstreamClient) -> None:
    reply, notes = sent(client)
    client.stream_failed(notes, Overloaded("not an upstream's error"))
    reply.close()
    assert client.health()["replicas"]["a"]["cooling_s"] == {}
