"""When all replicas fail: how soon the client hears it, and of whom."""

from __future__ import annotations

import pytest

from proxy.errors import UpstreamError, UpstreamRefused, UpstreamUnavailable
from proxy.key_names import KeyNames
from proxy.upstream.client import UpstreamClient
from proxy.upstream.retry import RetryPolicy
from proxy.upstream.words import Words
from tests.fake_upstream import CUT, Answer, FakeUpstream, json_answer
from tests.upstream.conftest import Clock
from tests.upstream.fleets import a_client
from tests.upstream.many_replicas.three_boxes import CHAT, GONE, LIST, MakeReplicas, an_error, asked, counts


def test_when_all_refuse_the_client_hears_it_soon(client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock) -> None:
    for box in boxes:
        box.on("/chat/completions", an_error(503))
    with pytest.raises(UpstreamRefused) as caught:
        client.send(CHAT)
    assert caught.value.status == 503
    assert sum(counts(boxes)) == 4
    assert sum(clock.slept) <= 0.5


def test_a_second_round_saves_what_all_failed_to_do_once(client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock) -> None:
    for number, box in enumerate(boxes):
        box.on("/chat/completions", an_error(503), json_answer({"box": number}))
    assert asked(client) in "abc"
    assert len(clock.slept) == 1


def test_where_all_ask_to_wait_it_is_waited_for_them(client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock) -> None:
    for box in boxes:
        box.on("/chat/completions", an_error(429, {"Retry-After": "2"}), json_answer({}))
    asked(client)
    assert clock.slept == [2.0]


def test_where_all_want_to_be_left_alone_nobody_waits_for_a_round_that_cannot_be(
    client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock
) -> None:
    for box in boxes:
        box.on("/chat/completions", an_error(429))
    with pytest.raises(UpstreamRefused):
        client.send(CHAT)
    assert (clock.slept, [len(box.requests) for box in boxes]) == ([], [1, 1, 1])


def test_the_client_hears_what_says_most(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", an_error(500))
    boxes[1].on("/chat/completions", an_error(401))
    client = a_client(make_replicas(boxes[0].base_url, boxes[1].base_url), clock=clock, policy=RetryPolicy(max_retries=1))
    with pytest.raises(UpstreamRefused, match="sorry 500"):
        client.send(CHAT)


def test_a_key_that_all_refuse_is_the_clients_business(client: UpstreamClient, boxes: list[FakeUpstream]) -> None:
    for box in boxes:
        box.on("/chat/completions", an_error(401))
    with pytest.raises(UpstreamRefused) as caught:
        client.send(CHAT)
    assert caught.value.status == 401


def test_a_question_that_is_asked_once_is_asked_of_each(client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock) -> None:
    for box in boxes:
        box.on("/models", an_error(503))
    with pytest.raises(UpstreamRefused):
        client.send(LIST, once=True)
    assert (counts(boxes), clock.slept) == ([1, 1, 1], [])


def test_messages_say_which_upstream_and_which_key_of_the_configuration(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock
) -> None:
    words = Words("the upstream 'boxes'", KeyNames(base_url="upstreams.boxes.base_url"))
    client = a_client(make_replicas(GONE, "http://127.0.0.1:2/v1", words=words), clock=clock)
    with pytest.raises(UpstreamUnavailable) as caught:
        client.send(CHAT)
    assert caught.value.message == (
        "the upstream 'boxes' refuses connections; check that it runs, and the host and port of upstreams.boxes.base_url"
    )


def test_the_error_of_nobody_is_raised_by_nobody(client: UpstreamClient, boxes: list[FakeUpstream]) -> None:
    for box in boxes:
        box.on("/chat/completions", Answer(before=[CUT]))
    with pytest.raises(UpstreamError) as caught:
        client.send(CHAT)
    assert caught.value.status == 502
