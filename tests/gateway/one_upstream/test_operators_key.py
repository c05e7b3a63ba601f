"""The operator's key is shown to nobody, not even where the upstream tells it."""

from __future__ import annotations

import logging

import pytest

from tests.fake_upstream import FakeUpstream, json_answer, stream_of
from tests.gateway.from_outside import CHAT
from tests.gateway.one_upstream.questions import KEY, a_client, ask


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("key", [KEY, "correct-horse-battery-staple"])
def test_key_when_the_upstream_echoes_it_is_not_shown(
    upstream: FakeUpstream, caplog: pytest.LogCaptureFixture, path: str, key: str
) -> None:
    caplog.set_level(logging.DEBUG)
    own = {"message": f"nobody knows {key} here", "type": key, "param": key, "code": key}
    upstream.on(CHAT, json_answer({"error": own}, 401))
    response = ask(a_client(upstream, openai_api_key=key), path)
    assert response.status_code == 401
    assert "nobody knows [key] here" in response.get_data(as_text=True)
    assert key not in response.get_data(as_text=True)
    assert not any(key in f"{record.getMessage()}{vars(record)}" for record in caplog.records)


@pytest.mark.parametrize("stream", [True, False])
def test_key_when_the_upstream_tells_it_in_the_middle_of_its_answer_is_covered(upstream: FakeUpstream, stream: bool) -> None:
    key = "token-abc123-of-ours"
    chunk = {"id": "1", "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]}
    upstream.on(CHAT, stream_of(chunk, {"error": {"message": f"boom {key}", "code": 400}}, done=False))
    response = ask(a_client(upstream, openai_api_key=key, upstream_profile="llamacpp"), stream=stream)
    assert "boom" in response.get_data(as_text=True)
    assert key not in response.get_data(as_text=True)
