"""Clients that leave at the odd moments: while the gateway waits for something else than an answer. And those that stay."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, refusal
from tests.fake_upstream import STALL, Answer, FakeUpstream, json_answer, sse, stream_of
from tests.live.bare_client import MESSAGES, Client
from tests.live.gateways import Gateways
from tests.live.master import Master, wait_until
from tests.live.test_slow_bodies import talking_to

LISTED = json_answer({"object": "list", "data": [{"id": "m", "object": "model"}]})


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    """An upstream of its own, so that its gateway has seen nothing yet."""
    with FakeUpstream() as server:
        server.on("/models", LISTED)
        yield server


def ends(gateway: Master) -> list[object]:
    return [record.get("end") for record in gateway.records() if record.get("path") == "/api/chat"]


@pytest.mark.parametrize("stream", [True, False])
def test_client_that_leaves_while_a_retry_is_due_ends_the_retries(upstream: FakeUpstream, gateways: Gateways, stream: bool) -> None:
    upstream.on("/chat/completions", json_answer(refusal("busy"), 503, {"Retry-After": "1"}))
    gateway = gateways.serving(upstream.base_url)
    client = Client(gateway, "/api/chat", stream=stream)
    wait_until(lambda: len(upstream.requests_to("/chat/completions")) == 1, lambda: upstream.requests)
    client.leave()
    wait_until(lambda: ends(gateway) == ["client_gone"], lambda: gateway.lines)
    time.sleep(1.2)
    assert len(upstream.requests_to("/chat/completions")) == 1


def test_client_that_leaves_while_the_models_are_listed_is_let_go_and_the_listing_goes_on(
    upstream: FakeUpstream, gateways: Gateways
) -> None:
    upstream.on("/models", Answer(before=[STALL]), LISTED)
    upstream.on("/chat/completions", json_answer(chat_reply("hello")))
    gateway = gateways.serving(upstream.base_url)
    leaves = Client(gateway, "/api/chat", stream=False)
    assert upstream.wait_for_requests(1)
    stays = Client(gateway, "/api/chat", stream=False)
    leaves.leave()
    stays.read_until(b"hello")
    stays.leave()
    wait_until(lambda: sorted(map(str, ends(gateway))) == ["client_gone", "finished"], lambda: gateway.lines)
    assert [request.closed_at for request in upstream.requests_to("/models")] == [None]


def test_client_that_left_is_noted_once_and_is_nobodys_failure(upstream: FakeUpstream, gateways: Gateways) -> None:
    upstream.on("/chat/completions", stream_of(chat_chunk("hal"), done=False, then=[STALL]))
    gateway = gateways.serving(upstream.base_url, BREAKER_FAILURES="1")
    for path in ("/api/chat", "/v1/chat/completions"):
        client = Client(gateway, path, stream=True)
        client.read_until(b"hal")
        client.leave()
    wait_until(lambda: sum(record.get("end") == "client_gone" for record in gateway.records()) == 2, lambda: gateway.lines)
    told = [record for record in gateway.records() if record.get("end") == "client_gone"]
    assert {(record["message"], record["level"], record["status"]) for record in told} == {("stream client_gone", "INFO", 200)}
    upstream.on("/chat/completions", json_answer(chat_reply("hello")))
    client = Client(gateway, "/api/chat", stream=False)
    client.read_until(b"hello")
    client.leave()


def test_connection_that_stays_serves_one_stream_after_another(upstream: FakeUpstream, gateways: Gateways) -> None:
    upstream.on("/chat/completions", stream_of(chat_chunk("a"), finish_chunk()))
    gateway = gateways.serving(upstream.base_url)
    address = urlsplit(gateway.address)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=20)
    sockets = set()
    for path in ("/api/chat", "/v1/chat/completions", "/api/version") * 5:
        body = None if "version" in path else json.dumps({"model": "m", "messages": MESSAGES, "stream": True})
        connection.request("GET" if body is None else "POST", path, body)
        sockets.add(connection.sock)
        answer = connection.getresponse().read()
        assert b"version" in answer or b"stop" in answer
    assert len(sockets) == 1
    connection.close()
    assert upstream.connections == 1


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_client_that_asks_again_at_once_gets_both_answers(upstream: FakeUpstream, gateways: Gateways, path: str) -> None:
    """The second request lies on the socket while the first is served: that is no departure."""
    slowly = Answer(200, {"Content-Type": "text/event-stream"}, [*sse(chat_chunk("a"), done=False), 0.2, *sse(finish_chunk())])
    upstream.on("/chat/completions", slowly)
    body = json.dumps({"model": "m", "messages": MESSAGES, "stream": True}).encode()
    with talking_to(gateways.serving(upstream.base_url)) as talk:
        for _ in range(2):
            talk.send_head(path, f"Content-Length: {len(body)}")
            talk.send(body)
        for _ in range(2):
            status, answer = talk.answer()
            assert status == 200
            assert b"stop" in answer
