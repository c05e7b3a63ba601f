"""How long a call may take in all."""

from __future__ import annotations

import time

import pytest
import requests

from proxy.errors import UpstreamRefused, UpstreamTimeout
from proxy.upstream.reply import Timeouts
from tests.fake_upstream import STALL, Answer, FakeUpstream, stream_of
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_client, a_replica
from tests.upstream.many_replicas.three_boxes import CHAT, MAX, MakeReplicas, an_error, counts


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
