"""Upstreams that have no seat left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import chat_reply
from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.gateway.from_outside import CHAT
from tests.gateway.many_upstreams.two_upstreams import CHATS, TWO, Client, ask, says

FULL = TWO.replace("@boxes", "@boxes\nlimits = {in_flight = 1, queue = 0}")
ONE_WORKER = {"WEB_CONCURRENCY": "1"}


@contextmanager
def occupied(client: FlaskClient, upstream: FakeUpstream) -> Iterator[None]:
    """While the one seat at the upstream is taken."""
    gate = upstream.gate()
    answer = json_answer(chat_reply("at last"))
    upstream.on(CHAT, Answer(200, answer.headers, answer.steps, "length", before=[gate]))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, client.application.test_client())
        assert upstream.wait_for_requests(1, path=CHAT)
        yield
        gate.set()
        assert first.result().status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_full_upstream_is_told_in_each_dialects_words(a_client: Client, boxes: FakeUpstream, stream: bool) -> None:
    client = a_client(FULL, **ONE_WORKER)
    with occupied(client, boxes):
        ollama, openai = (ask(client, path, stream=stream) for path in ("/api/chat", "/v1/chat/completions"))
    assert (ollama.status_code, openai.status_code) == (503, 503)
    assert ollama.get_json() == {"error": "server busy, please try again.  maximum pending requests exceeded"}
    assert openai.get_json()["error"]["type"] == "server_error"
    assert openai.get_json()["error"]["code"] == "overloaded"
    assert [int(response.headers["Retry-After"]) >= 1 for response in (ollama, openai)] == [True, True]


@pytest.mark.parametrize("queue", [0, 10])
@pytest.mark.parametrize("path", CHATS)
def test_full_upstream_is_left_for_the_next_after_a_second(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, queue: int
) -> None:
    says(cloud)
    text = f'{FULL}\n[fallbacks]\n"big" = ["cloud/large"]\n'.replace("queue = 0", f"queue = {queue}")
    client = a_client(text, **ONE_WORKER)
    with occupied(client, boxes):
        began_s = time.monotonic()
        assert "hello" in ask(client, path).text
        assert time.monotonic() - began_s < 3
