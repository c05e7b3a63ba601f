"""The replica, as a client on a socket hears it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.diary import Attempt
from chaos.faults import KINDS, WELL, Chance, Fault, Mode
from chaos.judging import Ending, judge
from chaos.load.hearing import Ear, Heard
from chaos.load.kinds import OPENAI_STREAM, OPENAI_WHOLE, Kind
from chaos.orders import Order
from chaos.ports import quiet_port
from chaos.replicas import ReplicaBox

LIMIT_S = 0.7
OF_STREAMS = {
    "status": "refused 500",
    "reset": "unreachable",
    "reset_at_once": "unreachable",
    "close": "unreachable",
    "not_http": "unreachable",
    "html": "wrong",
    "not_json": "wrong",
    "hang": "wrong",
    "slow": "complete",
    "cut": "wrong",
    "ends_early": "wrong",
    "error_first": "told",
    "error_mid": "told",
}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaBox]:
    box = ReplicaBox("b", tmp_path_factory.mktemp("replica"))
    box.start()
    yield box
    box.stop()


@pytest.fixture
def replica(started: ReplicaBox) -> Iterator[ReplicaBox]:
    """One that is well, before and after."""
    yield started
    started.recover()


async def hear(replica: ReplicaBox, kind: Kind, *orders: Order) -> list[Heard]:
    """What is heard on one connection, as long as it lasts."""
    ear = Ear("127.0.0.1", replica.port)
    try:
        return [await ear.ask(kind.path, kind.body(order), {}, LIMIT_S) for order in orders]
    finally:
        ear.close()


def ask(replica: ReplicaBox, kind: Kind, marker: str) -> Ending:
    order = Order(marker, 6, 5)
    return judge(kind, order, asyncio.run(hear(replica, kind, order))[0])


def ended(replica: ReplicaBox, marker: str) -> Attempt:
    """The one attempt of that marker, with how it ended: that is noted after its last byte was heard."""
    give_up_s = time.monotonic() + 20
    while True:
        (attempt,) = (one for one in replica.attempts() if one.marker == marker)
        if attempt.over_s is not None or time.monotonic() > give_up_s:
            return attempt
        time.sleep(0.05)


@pytest.mark.parametrize("kind", [OPENAI_STREAM, OPENAI_WHOLE])
def test_one_that_is_well_answers_in_full_and_notes_it(replica: ReplicaBox, kind: Kind) -> None:
    marker = f"well{kind.streams:d}"
    assert ask(replica, kind, marker) == Ending("complete", status=200, replica="b")
    attempt = ended(replica, marker)
    assert (attempt.began, attempt.said, attempt.gone, attempt.fault, attempt.is_chat) == (True, True, False, "", True)
    assert attempt.over_s is not None
    assert attempt.over_s - attempt.at_s >= 0.025


def test_answers_to_several_requests_come_on_one_connection(replica: ReplicaBox) -> None:
    orders = [Order(f"several{number}", 4, 1) for number in range(3)]
    for order, heard in zip(orders, asyncio.run(hear(replica, OPENAI_STREAM, *orders)), strict=True):
        assert judge(OPENAI_STREAM, order, heard).verdict == "complete"


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_heard_as_what_it_is(replica: ReplicaBox, kind: str) -> None:
    fault = Fault(kind, wait_s=0.2)  # type: ignore[arg-type]
    replica.behave(Mode((fault,)))
    for client, expected in ((OPENAI_STREAM, OF_STREAMS[kind]), (OPENAI_WHOLE, OF_STREAMS[kind].replace("told", "wrong"))):
        ending = ask(replica, client, f"{kind}{client.streams:d}")
        assert f"{ending.verdict} {ending.status or ''}".startswith(expected), ending
        noted = [one for one in replica.attempts() if one.fault == kind and one.marker in ("", f"{kind}{client.streams:d}")]
        assert noted


def test_a_cut_notes_that_a_good_answer_was_begun_and_never_said_to_its_end(replica: ReplicaBox) -> None:
    replica.behave(Mode((Fault("cut"),)))
    ask(replica, OPENAI_STREAM, "begun")
    (attempt,) = (one for one in replica.attempts() if one.marker == "begun")
    assert (attempt.began, attempt.said) == (True, False)


def test_retry_after_is_told(replica: ReplicaBox) -> None:
    replica.behave(Mode((Fault("status", 429, retry_after_s=3),)))
    (heard,) = asyncio.run(hear(replica, OPENAI_WHOLE, Order("r1", 3, 1)))
    assert (heard.status, heard.headers["retry-after"]) == (429, "3")


def test_who_leaves_is_noted(replica: ReplicaBox) -> None:
    (heard,) = asyncio.run(hear(replica, OPENAI_STREAM, Order("left", 200, 20)))
    assert heard.end == "late"
    give_up_s = time.monotonic() + 20
    while not any(one.gone for one in replica.attempts() if one.marker == "left"):
        assert time.monotonic() < give_up_s
        time.sleep(0.05)


def test_one_that_is_frozen_notes_what_it_met_when_it_is_thawed(replica: ReplicaBox) -> None:
    replica.freeze()
    assert ask(replica, OPENAI_WHOLE, "frozen").why.startswith("hangs")
    assert not [one for one in replica.attempts() if one.marker == "frozen"]
    replica.thaw()
    assert ask(replica, OPENAI_WHOLE, "thawed").verdict == "complete"
    assert [one for one in replica.attempts() if one.marker == "frozen"]


def test_one_that_is_killed_comes_back_on_its_port_and_remembers(tmp_path: Path) -> None:
    box = ReplicaBox("a", tmp_path)
    box.start()
    try:
        assert ask(box, OPENAI_WHOLE, "before").verdict == "complete"
        box.kill()
        assert ask(box, OPENAI_WHOLE, "meanwhile").verdict == "unreachable"
        box.start()
        assert ask(box, OPENAI_WHOLE, "after").verdict == "complete"
        assert [one.marker for one in box.attempts()] == ["before", "after"]
    finally:
        box.stop()


def test_chance_is_the_same_for_the_same_seed_and_meets_its_share() -> None:
    mode = Mode((Fault("status"), Fault("cut")), share=0.1, seed=5, chats_only=True)
    chances = Chance(mode), Chance(Mode.from_json(mode.to_json()))
    drawn = [[chance.next(is_chat=True) for _ in range(2000)] for chance in chances]
    assert drawn[0] == drawn[1]
    assert 150 < sum(fault is not None for fault in drawn[0]) < 250
    assert {fault.kind for fault in drawn[0] if fault} == {"status", "cut"}


def test_lists_of_models_meet_only_faults_that_make_sense_for_them() -> None:
    assert Chance(WELL).next(is_chat=True) is None
    assert Chance(Mode((Fault("cut"),))).next(is_chat=False) is None
    assert Chance(Mode((Fault("status"),))).next(is_chat=False) == Fault("status")
    assert Chance(Mode((Fault("status"),), chats_only=True)).next(is_chat=False) is None


def test_ports_are_not_those_of_outgoing_connections() -> None:
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert quiet_port() < lowest_outgoing
