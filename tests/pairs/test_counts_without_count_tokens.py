"""Servers that speak Anthropic's language and do not count: what is asked is estimated, and never an error."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME, PNG
from tests.pairs.upstreams import ANTHROPIC

PATH = "/v1/messages/count_tokens"
GO = Answer(404, {"Content-Type": "text/plain"}, [b"404 page not found"])
NO_SUCH_URL = json_answer({"type": "error", "error": {"type": "not_found_error", "message": "Not Found"}}, 404)
HI = {"role": "user", "content": "hi"}


def showing(source: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": kind, "source": source}]}]}


@pytest.mark.parametrize("lacking", [NO_SUCH_URL, GO], ids=["anthropic", "go"])
@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ({}, 1, 10),
        ({"metadata": {"user_id": "404"}}, 1, 10),
        ({"tools": [{"name": "f", "input_schema": {"properties": {"v": {"enum": ["404", "zz"]}}}}]}, 10, 60),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, 10, 60),
        ({"tools": [{"name": "f", "description": "d" * 400, "input_schema": {"type": "object"}}, {"type": "new", "name": "n"}]}, 100, 200),
        ({"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}, 5, 60),
        (showing({"type": "file", "file_id": "file_1"}, "document"), 1000, 4000),
        (showing({"type": "file", "file_id": "file_1"}, "image"), 1000, 4000),
        (
            {"tools": [{"type": "new", "name": "n"}], **showing({"type": "base64", "media_type": "image/png", "data": PNG * 500}, "image")},
            1600,
            1700,
        ),
        (
            {
                "tools": [{"type": "new", "name": "n"}],
                **showing({"type": "base64", "media_type": "application/pdf", "data": "A" * 64000}, "document"),
            },
            1400,
            1700,
        ),
    ],
)
def test_whatever_is_asked_is_estimated(
    gateway_of: Gateway, upstream: FakeUpstream, asked: dict[str, Any], least: int, most: int, lacking: Answer
) -> None:
    ANTHROPIC.play(upstream, BY_NAME["text"])
    upstream.on(PATH, lacking)
    client = gateway_of(upstream, ANTHROPIC)
    answers = [client.post(PATH, json={"model": "m", "messages": [HI], **asked}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
    (tokens,) = {answer.json["input_tokens"] for answer in answers if answer.json}
    assert least <= tokens <= most
    assert len(upstream.requests_to(PATH)) == 1


def test_a_file_that_is_missing_is_no_lack_of_counting(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    """Its client hears of it."""
    ANTHROPIC.play(upstream, BY_NAME["text"])
    missing = json_answer({"type": "error", "error": {"type": "not_found_error", "message": "File not found: file_1"}}, 404)
    upstream.on(PATH, missing, json_answer({"input_tokens": 7}))
    client = gateway_of(upstream, ANTHROPIC)
    body = {"model": "m", **showing({"type": "file", "file_id": "file_1"}, "document")}
    assert client.post(PATH, json=body).status_code == 404
    assert client.post(PATH, json={"model": "m", "messages": [HI]}).json == {"input_tokens": 7}
