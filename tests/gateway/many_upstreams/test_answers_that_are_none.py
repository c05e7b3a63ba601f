"""Relayed answers that are none."""

from __future__ import annotations

import pytest

from tests.fake_upstream import Answer, FakeUpstream, sse
from tests.gateway.from_outside import CHAT, SSE
from tests.gateway.many_upstreams.two_upstreams import Client, ask


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"])
@pytest.mark.parametrize("body", [b"garbage", b'{"choices": [', b'{"a": 1}}', b"<html>", b"\xff\xfe"])
def test_whole_answer_that_is_no_json_is_never_handed_on(a_client: Client, boxes: FakeUpstream, path: str, body: bytes) -> None:
    boxes.on(path.removeprefix("/v1"), Answer(200, {"Content-Type": "application/json"}, [body]))
    response = ask(a_client(), path)
    assert response.status_code == 502
    assert "upstreams.boxes.base_url" in response.get_json()["error"]["message"]


@pytest.mark.parametrize("body", [b'{"choices": [{"logprob": NaN}]}', b' {"choices": ["\\ud83d"]}\n', b'{"choices": ["\xff"]}'])
def test_whole_answer_that_lenient_readers_take_is_handed_on(a_client: Client, boxes: FakeUpstream, body: bytes) -> None:
    boxes.on(CHAT, Answer(200, {"Content-Type": "application/json"}, [body]))
    response = ask(a_client(), "/v1/chat/completions")
    assert (response.status_code, response.data) == (200, body)


def test_error_at_the_beginning_of_a_relayed_stream_has_a_status(a_client: Client, boxes: FakeUpstream) -> None:
    own = {"message": "slow down", "type": "their_type", "code": 429}
    boxes.on(CHAT, Answer(200, SSE, [b": wait\n\n", *sse({"error": own})]))
    response = ask(a_client(), "/v1/chat/completions", stream=True)
    assert response.status_code == 429
    assert response.get_json()["error"]["type"] == "their_type"
    assert response.content_type == "application/json; charset=utf-8"
