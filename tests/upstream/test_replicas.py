"""An upstream of several replicas: who is asked, who is asked next, who is left alone, and what the client hears when nobody can help."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import requests

from proxy.errors import Overloaded, UpstreamBroken, UpstreamError, UpstreamRefused, UpstreamTimeout, UpstreamUnavailable
from proxy.key_names import KeyNames
from proxy.telemetry import ExchangeNotes
from proxy.upstream.budget import RetryBudget
from proxy.upstream.choice import PrefixAffinity
from proxy.upstream.client import UpstreamClient
from proxy.upstream.replica import Replica, labels_of
from proxy.upstream.reply import Timeouts, UpstreamReply
from proxy.upstream.retry import RetryPolicy
from proxy.upstream.session import make_session
from proxy.upstream.words import Words
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Raw, json_answer, stream_of
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import TIMEOUTS, a_client, a_replica

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
LIST = UpstreamCall("/models", method="GET")
MAX = 1_000_000
GONE = "http://127.0.0.1:1/v1"

MakeReplicas = Callable[..., list[Replica]]


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


def an_error(status: int, headers: dict[str, str] | None = None, code: str | None = None) -> Answer:
    return json_answer({"error": {"message": f"sorry {status}", "code": code}}, status, headers)


def asked(client: UpstreamClient, call: UpstreamCall = CHAT, notes: ExchangeNotes | None = None) -> str:
    """The label of the replica that answered, and well."""
    notes = notes or ExchangeNotes()
    reply = client.send(call, notes)
    reply.read(MAX)
    reply.close()
    client.answered(call.model, notes, ended=True)
    return notes.replica


def counts(boxes: list[FakeUpstream]) -> list[int]:
    return [len(box.requests) for box in boxes]


# Who is asked next


def test_replicas_are_asked_in_turn(client: UpstreamClient, boxes: list[FakeUpstream]) -> None:
    assert [asked(client) for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]
    assert counts(boxes) == [2, 2, 2]


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


# Who waits for one that turns out to be gone


class Waiting:
    """A request under way in a thread."""

    def __init__(self, client: UpstreamClient, call: UpstreamCall = CHAT) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.served_by = self.pool.submit(asked, client, call)

    def end(self, box: FakeUpstream) -> None:
        box.close()
        with contextlib.suppress(UpstreamError):
            self.served_by.result(5)
        self.pool.shutdown()


@pytest.fixture
def patient_boxes(boxes: list[FakeUpstream], clock: Clock) -> Iterator[list[Replica]]:
    """Replicas that may take long, of which the first is frozen. urllib3's own way would tell nobody at which socket it waits."""
    boxes[0].on("/chat/completions", Answer(before=[STALL]))
    boxes[0].on("/models", Answer(before=[STALL]))
    timeouts = replace(TIMEOUTS, first_byte_s=60.0)
    with make_session(pool_size=8) as session:
        yield [
            a_replica(box.base_url, label, session=session, read_error=read_error, clock=clock, timeouts=timeouts)
            for box, label in zip(boxes, "abc", strict=True)
        ]


def await_request(box: FakeUpstream) -> None:
    deadline_s = time.monotonic() + 5
    while not box.requests:
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    time.sleep(0.05)  # Until it is waited for.


@pytest.mark.parametrize(("call", "looks"), [(CHAT, 3), (LIST, 1)])
def test_who_waits_for_a_replica_that_is_gone_is_asked_elsewhere(
    patient_boxes: list[Replica], boxes: list[FakeUpstream], clock: Clock, call: UpstreamCall, looks: int
) -> None:
    waiting = Waiting(a_client(patient_boxes, clock=clock), call)
    await_request(boxes[0])
    assert patient_boxes[0].call_off_waits(looks - 1) == 0
    assert patient_boxes[0].call_off_waits(looks) == 1
    assert patient_boxes[0].call_off_waits(looks) == 0
    assert waiting.served_by.result(5) in "bc"
    assert patient_boxes[0].waits == set()
    assert patient_boxes[0].health.last_error.endswith("had not begun to answer when looks at it found it silent")


@pytest.mark.parametrize("why", ["others are suspected", "the operator fears to pay twice", "no retries", "no budget"])
def test_nobody_is_called_off_who_has_nobody_else_to_ask(
    patient_boxes: list[Replica], boxes: list[FakeUpstream], clock: Clock, why: str
) -> None:
    changes: dict[str, Any] = {
        "the operator fears to pay twice": {"retry_sent": False},
        "no retries": {"policy": RetryPolicy(max_retries=0)},
        "no budget": {"budget": RetryBudget(clock, share=0.0, floor=0)},
    }.get(why, {})
    for replica in patient_boxes[1:]:
        replica.suspicion = "gone" if why == "others are suspected" else ""
    waiting = Waiting(a_client(patient_boxes, clock=clock, **changes))
    await_request(boxes[0])
    assert patient_boxes[0].call_off_waits(9) == 0
    assert not waiting.served_by.done()
    waiting.end(boxes[0])


# When all of them fail


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


# Who is left alone


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


def sent(client: UpstreamClient) -> tuple[UpstreamReply, ExchangeNotes]:
    """An answer that is still to be read."""
    notes = ExchangeNotes(upstream_model="m")
    return client.send(CHAT, notes), notes


def sent_to(client: UpstreamClient, label: str) -> tuple[UpstreamReply, ExchangeNotes]:
    """The first answer that comes from that replica."""
    for _ in range(10):
        reply, notes = sent(client)
        if notes.replica == label:
            return reply, notes
        reply.close()
    raise AssertionError(f"{label} is not asked")


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


# Answers that fail after their head


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


def test_where_all_want_to_be_left_alone_nobody_waits_for_a_round_that_cannot_be(
    client: UpstreamClient, boxes: list[FakeUpstream], clock: Clock
) -> None:
    for box in boxes:
        box.on("/chat/completions", an_error(429))
    with pytest.raises(UpstreamRefused):
        client.send(CHAT)
    assert (clock.slept, [len(box.requests) for box in boxes]) == ([], [1, 1, 1])


def test_one_replica_that_wants_to_be_left_alone_is_asked_again_also_where_it_has_a_limit(
    make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock
) -> None:
    boxes[0].on("/chat/completions", an_error(429), an_error(429), json_answer({}))
    client = a_client(make_replicas(boxes[0].base_url, keys=("sk-one", "sk-two")), clock=clock, in_flight=1)
    assert client.send(CHAT).read(MAX) == b"{}"


def test_a_client_that_left_is_nobodys_fault(client: UpstreamClient) -> None:
    reply, notes = sent(client)
    client.stream_failed(notes, Overloaded("not an upstream's error"))
    reply.close()
    assert client.health()["replicas"]["a"]["cooling_s"] == {}


# Keys and headers


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


# Seats and time


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


def test_an_answer_that_takes_too_long_in_all_is_cut_off(boxes: list[FakeUpstream], session: requests.Session) -> None:
    timeouts = Timeouts(connect_s=2, first_byte_s=5, idle_s=5, keepalive_s=2, total_s=0.3)
    replica = a_replica(boxes[0].base_url, session=session, read_error=read_error, clock=time.monotonic, timeouts=timeouts)
    client = a_client([replica], clock=time.monotonic, sleep=time.sleep, total_s=0.3)
    boxes[0].on("/chat/completions", stream_of({"n": 1}, done=False, then=[STALL]))
    began_s = time.monotonic()
    with pytest.raises(UpstreamTimeout, match=r"not complete within 0\.3 s"):
        list(client.send(CHAT).chunks())
    with pytest.raises(UpstreamTimeout, match=r"not complete within 0\.3 s"):
        client.send(CHAT).read(MAX)
    boxes[0].on("/chat/completions", Answer(before=[STALL]))
    with pytest.raises(UpstreamTimeout, match=r"not complete within 0\.3 s \(timeouts\.total\)"):
        client.send(CHAT)
    assert time.monotonic() - began_s < 2


def test_no_attempt_begins_when_time_is_up(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", an_error(429, {"Retry-After": "3"}))
    client = a_client(make_replicas(boxes[0].base_url), clock=clock, total_s=2.0)
    with pytest.raises(UpstreamRefused):
        client.send(CHAT)
    assert (counts(boxes)[0], clock.slept) == (1, [])


# What is told


def test_conversations_come_back_to_their_replica(make_replicas: MakeReplicas, clock: Clock) -> None:
    client = a_client(make_replicas(), clock=clock, choice=PrefixAffinity(lambda: 0.5))
    assert client.uses_affinity
    for key in (b"one", b"two", b"three"):
        call = UpstreamCall("/chat/completions", b"{}", model="m", affinity_key=key)
        assert len({asked(client, call) for _ in range(4)}) == 1


def test_a_lone_replica_needs_no_affinity(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    assert not a_client(make_replicas(boxes[0].base_url), clock=clock, choice=PrefixAffinity(lambda: 0.5)).uses_affinity


def test_health_tells_of_each_replica(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", an_error(500))
    replicas = make_replicas(failures=1)
    client = a_client(replicas, clock=clock)
    assert client.health()["state"] == "unknown"
    asked(client)
    clock.now_s += 2
    held = client.send(CHAT)
    health = client.health()
    assert (health["state"], health["in_flight"], health["waiting"], health["last_failure_age_s"]) == ("up", 1, 0, 2.0)
    assert health["ill_models"] == {"m": "open"}
    assert health["replicas"]["a"] == {
        "state": "up",
        "breaker": "closed",
        "ill_models": {"m": "open"},
        "cooling_s": {},
        "resting_keys_s": {},
        "in_flight": 0,
        "last_answer_age_s": 2.0,
        "last_failure_age_s": 2.0,
        "last_error": "sorry 500",
    }
    replicas[0].suspicion = "silent"
    assert client.health()["state"] == "degraded"
    held.close()


def test_labels_are_short_and_differ() -> None:
    assert labels_of(["http://a:1/v1", "https://user:word@b/v1", "http://a:2/v1?key=x"]) == ["a:1", "b", "a:2"]
    assert labels_of(["http://a/one", "http://a/two", "http://b"]) == ["a #1", "a #2", "b"]


def test_the_error_of_nobody_is_raised_by_nobody(client: UpstreamClient, boxes: list[FakeUpstream]) -> None:
    for box in boxes:
        box.on("/chat/completions", Answer(before=[CUT]))
    with pytest.raises(UpstreamError) as caught:
        client.send(CHAT)
    assert caught.value.status == 502
