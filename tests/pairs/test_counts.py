"""Numbers of tokens, from every upstream that can count them, and what becomes of answers that are none."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import GEMINI

PATH = "/v1beta/models/m:countTokens"
PAGE = Answer(200, {"Content-Type": "text/html"}, [b"<html>sign in</html>"])


def counted(gateway_of: Gateway, upstream: FakeUpstream, *answers: Any) -> TestResponse:
    """What a client of Anthropic's hears of Gemini's tokens."""
    GEMINI.play(upstream, BY_NAME["text"])
    upstream.on(PATH, *answers)
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    return gateway_of(upstream, GEMINI, MAX_RETRIES="1").post("/v1/messages/count_tokens", json=body)


def test_what_the_upstream_counts_is_told(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    assert counted(gateway_of, upstream, json_answer({"totalTokens": 42})).json == {"input_tokens": 42}


def test_an_overload_in_place_of_a_count_is_asked_again(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    overload = json_answer({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}})
    assert counted(gateway_of, upstream, overload, json_answer({"totalTokens": 42})).json == {"input_tokens": 42}


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (PAGE, 502, "a web page where JSON was due; check that upstreams.it.base_url leads to a Gemini API"),
        (json_answer({"error": {"code": 400, "message": "sk-of-the-house is odd", "status": "INVALID_ARGUMENT"}}), 400, "is odd"),
    ],
)
def test_what_is_no_count_is_told_without_keys(gateway_of: Gateway, upstream: FakeUpstream, answer: Answer, status: int, said: str) -> None:
    response = counted(gateway_of, upstream, answer)
    assert (response.status_code, said in response.text) == (status, True)
    assert "sk-of-the-house" not in response.text
