"""Streams whose upstream takes its time, on a real gateway: headers and signs of life go out, and whoever leaves frees everything."""

from __future__ import annotations

import json
import time

import pytest

from tests.fake_upstream import STALL, Answer, FakeUpstream, Request, stream_of
from tests.live.bare_client import Client
from tests.live.gateways import Gateways
from tests.live.master import Master

_FREE_AGAIN_S = 1.0
SSE = {"Content-Type": "text/event-stream"}
CHUNK = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "hal"}, "finish_reason": None}]}
LAST = {**CHUNK, "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]}
CHATS = ["/api/chat", "/api/generate", "/v1/chat/completions"]
SIGNS = {"/api/chat": b'"content":""', "/api/generate": b'"response":""', "/v1/chat/completions": b": keep-alive"}
WORDS = stream_of(CHUNK, LAST).steps
SILENT = Answer(before=[STALL])


@pytest.fixture(scope="module")
def gateway(gateways: Gateways, scripted_upstream: FakeUpstream) -> Master:
    """It waits for an upstream for a fifth of a second, and lets one request through at a time."""
    of_upstream = {"TIMEOUTS__COMMIT": "0.2", "LIMITS__IN_FLIGHT": "1", "LIMITS__QUEUE_WAIT": "5"}
    nested = {f"PROXY__UPSTREAMS__DEFAULT__{key}": value for key, value in of_upstream.items()}
    return gateways.serving(
        scripted_upstream.base_url, BREAKER_FAILURES="1000", MAX_RETRIES="0", KEEPALIVE_INTERVAL="0.2", CONNECT_TIMEOUT="2", **nested
    )


def next_request(upstream: FakeUpstream, before: int) -> Request:
    deadline_s = time.monotonic() + 5
    while len(upstream.requests_to("/chat/completions")) <= before:
        assert time.monotonic() < deadline_s, "the upstream was not asked"
        time.sleep(0.005)
    return upstream.requests_to("/chat/completions")[-1]


@pytest.mark.parametrize("path", CHATS)
def test_stream_that_begins_late_is_complete_after_its_signs_of_life(scripted_upstream: FakeUpstream, gateway: Master, path: str) -> None:
    scripted_upstream.on("/chat/completions", Answer(200, SSE, WORDS, before=[0.7]))
    began_s = time.monotonic()
    client = Client(gateway, path, stream=True)
    client.read_until(SIGNS[path])
    assert 0.1 < time.monotonic() - began_s < 0.6
    seen = client.read_until(b"[DONE]" if path.startswith("/v1") else b'"done":true')
    assert seen.count(SIGNS[path]) >= 1
    assert b"hal" in seen
    assert b"error" not in seen
    client.leave()


@pytest.mark.parametrize("signs", [1, 3])
@pytest.mark.parametrize("path", CHATS)
def test_client_that_leaves_a_late_stream_frees_the_upstream_and_its_seat(
    scripted_upstream: FakeUpstream, gateway: Master, path: str, signs: int
) -> None:
    before = len(scripted_upstream.requests_to("/chat/completions"))
    scripted_upstream.on("/chat/completions", SILENT, Answer(200, SSE, WORDS))
    client = Client(gateway, path, stream=True)
    for _ in range(signs):
        client.read_until(SIGNS[path])
    request = next_request(scripted_upstream, before)
    left_at = client.leave()
    assert request.wait_closed(5)
    assert request.closed_at is not None
    assert request.closed_at - left_at < _FREE_AGAIN_S
    following = Client(gateway, path, stream=True)
    following.read_until(b"[DONE]" if path.startswith("/v1") else b'"done":true')
    assert time.monotonic() - left_at < 2
    following.leave()


@pytest.mark.parametrize("path", CHATS)
def test_client_that_leaves_while_it_waits_for_a_seat_is_forgotten(scripted_upstream: FakeUpstream, gateway: Master, path: str) -> None:
    before = len(scripted_upstream.requests_to("/chat/completions"))
    scripted_upstream.on("/chat/completions", SILENT, Answer(200, SSE, WORDS))
    first = Client(gateway, path, stream=True)
    next_request(scripted_upstream, before)
    waiting = Client(gateway, path, stream=True)
    waiting.read_until(SIGNS[path])
    waiting.leave()
    first.leave()
    third = Client(gateway, path, stream=True)
    third.read_until(b"[DONE]" if path.startswith("/v1") else b'"done":true')
    third.leave()
    assert len(scripted_upstream.requests_to("/chat/completions")) == before + 2


@pytest.mark.parametrize("path", CHATS)
def test_failure_behind_a_late_stream_is_its_last_word(scripted_upstream: FakeUpstream, gateway: Master, path: str) -> None:
    refusal = json.dumps({"error": {"message": "crashed", "code": None}}).encode()
    scripted_upstream.on("/chat/completions", Answer(500, {}, [refusal], before=[0.5]))
    client = Client(gateway, path, stream=True)
    seen = client.read_until(b"crashed")
    assert b"200 OK" in seen
    client.leave()


@pytest.mark.parametrize("path", CHATS)
def test_many_streams_at_once_share_the_seat_and_end_well(scripted_upstream: FakeUpstream, gateway: Master, path: str) -> None:
    scripted_upstream.on("/chat/completions", Answer(200, SSE, WORDS, before=[0.02]))
    clients = [Client(gateway, path, stream=True) for _ in range(40)]
    for client in clients:
        seen = client.read_until(b"[DONE]" if path.startswith("/v1") else b'"done":true')
        assert b"error" not in seen
        client.leave()
