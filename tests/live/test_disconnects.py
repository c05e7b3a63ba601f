"""A client that leaves frees the upstream within a second, whatever both were doing at that moment. Seen from the upstream's own socket."""

from __future__ import annotations

import json
import time

import pytest

from tests.fake_upstream import STALL, Answer, FakeUpstream, Request, stream_of
from tests.live.bare_client import Client
from tests.live.master import Master

_FREE_AGAIN_S = 1.0
CHUNK = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "hal"}, "finish_reason": None}]}
CHATS = ["/api/chat", "/api/generate", "/v1/chat/completions"]

SILENT_BEFORE_THE_HEAD = Answer(before=[STALL])
SILENT_AFTER_THE_HEAD = Answer(200, {"Content-Type": "text/event-stream"}, [STALL])
SILENT_IN_A_STREAM = stream_of(CHUNK, done=False, then=[STALL])
SILENT_IN_A_BODY = Answer(200, {"Content-Type": "application/json"}, [b'{"id": "1",', STALL])


def ask(upstream: FakeUpstream, path: str, answer: Answer) -> int:
    """Scripts the upstream for one request and returns how many it has had on that path."""
    upstream.on(path, answer)
    return len(upstream.requests_to(path))


def next_request(upstream: FakeUpstream, path: str, before: int) -> Request:
    deadline = time.monotonic() + 5
    while len(upstream.requests_to(path)) <= before:
        assert time.monotonic() < deadline, "the upstream was not asked"
        time.sleep(0.005)
    return upstream.requests_to(path)[-1]


def upstream_path(path: str) -> str:
    return "/embeddings" if "embed" in path else "/chat/completions"


@pytest.mark.parametrize("path", CHATS)
def test_upstream_is_freed_when_the_client_leaves_a_stream_that_has_fallen_silent(
    scripted_upstream: FakeUpstream, scripted_gateway: Master, path: str
) -> None:
    before = ask(scripted_upstream, "/chat/completions", SILENT_IN_A_STREAM)
    client = Client(scripted_gateway, path, stream=True)
    client.read_until(b"hal")
    request = next_request(scripted_upstream, "/chat/completions", before)
    left_at = client.leave()
    assert request.wait_closed(5)
    assert request.closed_at is not None
    assert request.closed_at - left_at < _FREE_AGAIN_S


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("answer", [SILENT_BEFORE_THE_HEAD, SILENT_AFTER_THE_HEAD], ids=["before the head", "after the head"])
@pytest.mark.parametrize("path", CHATS)
def test_upstream_is_freed_when_the_client_leaves_before_the_first_byte(
    scripted_upstream: FakeUpstream, scripted_gateway: Master, path: str, answer: Answer, stream: bool
) -> None:
    assert_freed(scripted_upstream, scripted_gateway, path, answer, stream=stream)


@pytest.mark.parametrize("path", [*CHATS, "/api/embed", "/v1/embeddings"])
def test_upstream_is_freed_when_the_client_leaves_a_whole_answer_half_way(
    scripted_upstream: FakeUpstream, scripted_gateway: Master, path: str
) -> None:
    assert_freed(scripted_upstream, scripted_gateway, path, SILENT_IN_A_BODY, stream=False)


def assert_freed(upstream: FakeUpstream, gateway: Master, path: str, answer: Answer, *, stream: bool) -> None:
    asked = upstream_path(path)
    before = ask(upstream, asked, answer)
    client = Client(gateway, path, stream=stream)
    request = next_request(upstream, asked, before)
    assert not request.wait_closed(0.05)
    left_at = client.leave()
    assert request.wait_closed(5)
    assert request.closed_at is not None
    assert request.closed_at - left_at < _FREE_AGAIN_S


@pytest.mark.parametrize("path", CHATS)
def test_upstream_is_freed_when_the_client_leaves_a_stream_that_flows(
    scripted_upstream: FakeUpstream, scripted_gateway: Master, path: str
) -> None:
    flowing = Answer(200, {"Content-Type": "text/event-stream"}, [b"data: " + json.dumps(CHUNK).encode() + b"\n\n", 0.01] * 2000)
    before = ask(scripted_upstream, "/chat/completions", flowing)
    client = Client(scripted_gateway, path, stream=True)
    client.read_until(b"hal")
    request = next_request(scripted_upstream, "/chat/completions", before)
    left_at = client.leave()
    assert request.wait_closed(5)
    assert request.closed_at is not None
    assert request.closed_at - left_at < _FREE_AGAIN_S


def test_nobody_else_is_disturbed_when_a_client_leaves(scripted_upstream: FakeUpstream, scripted_gateway: Master) -> None:
    gate = scripted_upstream.gate()
    finish = {**CHUNK, "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]}
    steps = stream_of(CHUNK, done=False).steps
    patient = Answer(200, {"Content-Type": "text/event-stream"}, [*steps, gate, *stream_of(finish).steps])
    before = len(scripted_upstream.requests_to("/chat/completions"))
    scripted_upstream.on("/chat/completions", patient, SILENT_IN_A_STREAM)
    stays = Client(scripted_gateway, "/api/chat", stream=True)
    stays.read_until(b"hal")
    leaves = Client(scripted_gateway, "/api/chat", stream=True)
    leaves.read_until(b"hal")
    request = next_request(scripted_upstream, "/chat/completions", before + 1)
    leaves.leave()
    assert request.wait_closed(5)
    gate.set()
    stays.read_until(b'"done":true')
    stays.leave()
