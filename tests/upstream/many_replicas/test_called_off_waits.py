"""Who waits for a replica that turns out to be gone is asked elsewhere, where there is an elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from proxy.errors import UpstreamError
from proxy.upstream.budget import RetryBudget
from proxy.upstream.client import UpstreamClient
from proxy.upstream.replica import Replica
from proxy.upstream.retry import RetryPolicy
from proxy.upstream.session import make_session
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import STALL, Answer, FakeUpstream
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import TIMEOUTS, a_client, a_replica
from tests.upstream.many_replicas.three_boxes import CHAT, LIST, asked


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
