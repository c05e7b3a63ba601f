"""What a model of Gemini's does wrong: its server is well, asking again is paid for each time, and others want to be served meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer, stream_of
from tests.gateway.several import config_of
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME, PNG
from tests.pairs.upstreams import GEMINI, OPENAI

WHOLE, STREAM = "/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent"
PICTURE = {"parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}
FAULTS = {
    "malformed call": ({"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "Malformed: print(f())"}, "print(f())"),
    "unexpected call": ({"content": {}, "finishReason": "UNEXPECTED_TOOL_CALL"}, "UNEXPECTED_TOOL_CALL"),
    "other": ({"content": {}, "finishReason": "OTHER"}, "OTHER"),
    "picture": ({"content": PICTURE, "finishReason": "STOP"}, "`inlineData` alone, and answers here are text"),
}


@pytest.fixture
def second() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        OPENAI.play(upstream, BY_NAME["text"])
        yield upstream


def says(upstream: FakeUpstream, *candidates: dict[str, Any]) -> None:
    """Lets the upstream answer with these candidates, one a record."""

    def answer(request: Request) -> Answer:
        records = [{"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3}} for candidate in candidates]
        return stream_of(*records, done=False) if request.path == STREAM else json_answer(records[-1])

    for path in (WHOLE, STREAM):
        upstream.on(path, answer)


def with_fallback(folder: Path, first: FakeUpstream, second: FakeUpstream) -> FlaskClient:
    """A client of a gateway whose model `u0/m` is Gemini's, and OpenAI's where that fails."""
    text = f"""
[upstreams.u0]
dialect = "gemini"
base_url = "{GEMINI.base_url(first)}"
[upstreams.u1]
base_url = "{OPENAI.base_url(second)}"
[fallbacks]
"u0/m" = ["u1/m"]
"""
    return create_app(config_of(folder, text, {}, MAX_RETRIES="3")).test_client()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_told_after_one_attempt_and_counts_for_nobody_else(
    gateway_of: Gateway, upstream: FakeUpstream, fault: str, stream: bool
) -> None:
    candidate, words = FAULTS[fault]
    client = gateway_of(upstream, GEMINI, MAX_RETRIES="3", BREAKER_FAILURES="2")
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    says(upstream, candidate)
    for _ in range(5):
        told = client.post("/v1/messages", json=body)
        assert (told.status_code, words in told.text) == (502, True)
    assert len(upstream.requests_to(STREAM if stream else WHOLE)) == 5
    GEMINI.play(upstream, BY_NAME["text"])
    assert client.post("/v1/messages", json=body).status_code == 200


def test_it_does_not_count_behind_words_that_were_told_either(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    says(upstream, {"content": {"parts": [{"text": "I call "}]}}, FAULTS["malformed call"][0])
    client = with_fallback(tmp_path, upstream, second)
    body = {"model": "u0/m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    for _ in range(2):
        told = client.post("/v1/chat/completions", json=body).text
        assert "I call " in told
        assert "print(f())" in told
    assert len(upstream.requests_to(STREAM)) == 2


def test_a_fallback_may_do_better(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    """Another model does not make the same mistake."""
    says(upstream, FAULTS["malformed call"][0])
    client = with_fallback(tmp_path, upstream, second)
    for turn in (1, 2):
        told = client.post("/api/chat", json={"model": "u0/m", "messages": [{"role": "user", "content": "hi"}], "stream": False})
        assert told.status_code == 200
        assert len(upstream.requests_to(WHOLE)) == turn
