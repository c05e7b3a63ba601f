"""Readiness is whether the upstream answers, in time."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.app.apps import an_app
from tests.fake_upstream import CUT, STALL, Answer, FakeUpstream, json_answer


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        (json_answer({"data": []}), True),
        (json_answer({"error": {"message": "who are you?"}}, 401), True),
        (json_answer({"error": {"message": "no such route"}}, 404), True),
        (json_answer({"error": {"message": "unwell"}}, 500), False),
        (json_answer({"error": {"message": "starting"}}, 503), False),
        (Answer(before=[CUT]), False),
        (Answer(before=[STALL]), False),
    ],
    ids=["list", "401", "404", "500", "503", "cut", "silent"],
)
def test_readiness_is_whether_the_upstream_answers(upstream: FakeUpstream, answer: Answer, ready: bool) -> None:
    upstream.on("/models", answer)
    response = an_app(upstream, health_check_timeout=0.2, max_retries=3).test_client().get("/ready")
    assert response.status_code == (200 if ready else 503)
    assert len(upstream.requests) == 1, "a probe is one attempt"


def test_readiness_does_not_wait_for_a_body(upstream: FakeUpstream) -> None:
    upstream.on("/models", Answer(headers={"Content-Type": "application/json"}, steps=[b'{"data": [', STALL]))
    client = an_app(upstream, health_check_timeout=0.2, request_timeout=4).test_client()
    began_s = time.monotonic()
    assert client.get("/ready").status_code == 200
    assert time.monotonic() - began_s < 2


def test_readiness_of_an_upstream_that_stalls_in_an_error_is_told_in_time(upstream: FakeUpstream) -> None:
    upstream.on("/models", Answer(503, {"Content-Type": "application/json"}, steps=[b'{"error": ', STALL]))
    began_s = time.monotonic()
    assert an_app(upstream, health_check_timeout=0.2).test_client().get("/ready").status_code == 503
    assert time.monotonic() - began_s < 2


@pytest.mark.parametrize("step", [[STALL], [b" ", 0.1] * 40], ids=["silent", "dripping"])
def test_a_list_of_models_that_does_not_end_is_given_up_in_time(upstream: FakeUpstream, step: list[Any]) -> None:
    upstream.on("/models", Answer(headers={"Content-Type": "application/json"}, steps=[b'{"data": [', *step]))
    client = an_app(upstream, health_check_timeout=0.2, request_timeout=4).test_client()
    began_s = time.monotonic()
    response = client.get("/api/tags")
    assert (response.status_code, "not complete within 0.2 s" in response.text) == (504, True)
    assert time.monotonic() - began_s < 2
