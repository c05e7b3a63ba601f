"""Who is asked, and who is asked next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.errors import UpstreamBroken, UpstreamRefused, UpstreamTimeout
from proxy.telemetry import ExchangeNotes
from proxy.upstream.budget import RetryBudget
from proxy.upstream.choice import PrefixAffinity
from proxy.upstream.client import UpstreamClient
from proxy.upstream.retry import RetryPolicy
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Raw, json_answer
from tests.upstream.conftest import Clock
from tests.upstream.fleets import TIMEOUTS, a_client
from tests.upstream.many_replicas.three_boxes import CHAT, GONE, MakeReplicas, an_error, asked, counts


def test_replicas_are_asked_in_turn(client: UpstreamClient, boxes: list[FakeUpstream]) -> None:
    assert [asked(client) for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]
    assert counts(boxes) == [2, 2, 2]


def test_conversations_come_back_to_their_replica(make_replicas: MakeReplicas, clock: Clock) -> None:
    client = a_client(make_replicas(), clock=clock, choice=PrefixAffinity(lambda: 0.5))
    assert client.uses_affinity
    for key in (b"one", b"two", b"three"):
        call = UpstreamCall("/chat/completions", b"{}", model="m", affinity_key=key)
        assert len({asked(client, call) for _ in range(4)}) == 1


def test_a_lone_replica_needs_no_affinity(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    assert not a_client(make_replicas(boxes[0].base_url), clock=clock, choice=PrefixAffinity(lambda: 0.5)).uses_affinity


@pytest.mark.parametrize(
    "trouble",
    [
        an_error(500),
        an_error(503),
        an_error(429, {"Retry-After": "30"}),
        an_error(401),
        an_error(403),
        an_error(404, code="model_not_found"),
        Answer(301, {"Location": "https://elsewhere.example"}),
        Answer(before=[CUT]),
        Answer(before=[RESET]),
        Answer(before=[STALL]),
        Answer(before=[Raw(b"this is no HTTP\r\n\r\n"), CUT]),
    ],
)
def test_what_one_replica_fails_to_do_the_next_one_does_at_once(
    client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock, trouble: Answer
) -> None:
    boxes[0].on("/chat/completions", trouble)
    notes = ExchangeNotes()
    assert asked(client, notes=notes) == "b"
    assert (notes.attempts, len(notes.failures), clock.slept) == (2, 1, [])


def test_one_that_is_not_there_costs_nothing_either(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    client = a_client(make_replicas(GONE, boxes[1].base_url), clock=clock)
    assert asked(client) == "b"
    assert clock.slept == []


@pytest.mark.parametrize("status", [400, 413, 422, 501])
def test_what_is_wrong_with_the_request_is_told_by_the_first(client: UpstreamClient, boxes: list[FakeUpstream], status: int) -> None:
    boxes[0].on("/chat/completions", an_error(status), json_answer({}))
    with pytest.raises(UpstreamRefused, match=f"sorry {status}"):
        client.send(CHAT)
    assert counts(boxes) == [1, 0, 0]
    assert [asked(client) for _ in range(3)] == ["b", "c", "a"]


@pytest.mark.parametrize("before", [CUT, STALL])
def test_what_was_sent_is_not_sent_again_where_the_operator_fears_to_pay_twice(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock, before: Any
) -> None:
    boxes[0].on("/chat/completions", Answer(before=[before]))
    with pytest.raises((UpstreamBroken, UpstreamTimeout)):
        a_client(make_replicas(), clock=clock, retry_sent=False).send(CHAT)
    assert counts(boxes) == [1, 0, 0]


@pytest.mark.parametrize("retry_sent", [True, False])
def test_work_that_was_broken_off_on_a_reused_connection_is_no_other_than_on_a_new_one(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock, retry_sent: bool
) -> None:
    client = a_client(make_replicas(timeouts=replace(TIMEOUTS, first_byte_s=5.0)), clock=clock, retry_sent=retry_sent)
    assert [asked(client) for _ in range(3)] == ["a", "b", "c"]
    boxes[0].on("/chat/completions", Answer(before=[0.4, CUT]))
    if retry_sent:
        assert asked(client) == "b"
    else:
        with pytest.raises(UpstreamBroken):
            client.send(CHAT)
    assert counts(boxes) == [2, 1 + retry_sent, 1]


def test_attempts_end_with_the_budget(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    for box in boxes:
        box.on("/chat/completions", an_error(500))
    client = a_client(make_replicas(failures=100), clock=clock, budget=RetryBudget(clock, share=0.0, floor=2))
    for _ in range(2):
        with pytest.raises(UpstreamRefused):
            client.send(CHAT)
    assert sum(counts(boxes)) == 4


@pytest.mark.parametrize("status", [404, 405])
def test_names_that_nobody_has_take_no_retries_from_others(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock, status: int
) -> None:
    for box in boxes:
        box.on("/chat/completions", an_error(status))
    client = a_client(make_replicas(), clock=clock, budget=RetryBudget(clock, share=0.0, floor=1))
    for number in range(5):
        with pytest.raises(UpstreamRefused):
            client.send(replace(CHAT, model=f"unheard-of-{number}"))
    assert sum(counts(boxes)) == 10
    boxes[0].on("/chat/completions", an_error(500), json_answer({}))
    boxes[1].on("/chat/completions", json_answer({}))
    boxes[2].on("/chat/completions", json_answer({}))
    assert {asked(client) for _ in range(3)} <= {"a", "b", "c"}


def test_model_that_is_listed_is_looked_for_everywhere_within_the_budget(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock
) -> None:
    for box in boxes[:2]:
        box.on("/chat/completions", an_error(404))
    client = a_client(make_replicas(), clock=clock, budget=RetryBudget(clock, share=0.0, floor=1))
    assert asked(client, notes=ExchangeNotes(known_model=True)) == "c"
    clock.now_s += 6
    with pytest.raises(UpstreamRefused):
        a_client(make_replicas(), clock=clock).send(CHAT, ExchangeNotes(known_model=False))
    assert counts(boxes) == [2, 2, 1]


def test_no_replica_is_asked_more_often_than_retries_allow(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", an_error(500))
    with pytest.raises(UpstreamRefused):
        a_client(make_replicas(), clock=clock, policy=RetryPolicy(max_retries=0)).send(CHAT)
    assert counts(boxes) == [1, 0, 0]
