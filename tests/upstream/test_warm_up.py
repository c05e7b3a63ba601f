"""Models that are loaded before somebody waits for them."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
import requests

from proxy.upstream.replica import Replica
from proxy.upstream.warm_up import WarmUp
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, json_answer
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_replica

CALLS = {
    model: (
        UpstreamCall("/chat/completions", f'{{"model":"{model}"}}'.encode(), model),
        UpstreamCall("/embeddings", f'{{"model":"{model}"}}'.encode(), model),
    )
    for model in ("m", "n")
}
GOOD = json_answer({"choices": []})


def an_error(status: int, headers: dict[str, str] | None = None) -> Answer:
    return json_answer({"error": {"message": f"sorry {status}"}}, status, headers)


@pytest.fixture
def replica(upstream: FakeUpstream, session: requests.Session, clock: Clock) -> Replica:
    upstream.on("/chat/completions", GOOD)
    return a_replica(upstream.base_url, session=session, read_error=read_error, clock=clock)


@pytest.fixture
def rests() -> dict[str, float]:
    """The models that are to be left alone, and for how long."""
    return {}


@pytest.fixture
def make(replica: Replica, clock: Clock, rests: dict[str, float]) -> Callable[..., WarmUp]:
    def make(interval_s: float = 0.0, models: tuple[str, ...] = ("m",)) -> WarmUp:
        calls = {model: CALLS[model] for model in models}
        return WarmUp("boxes", replica, calls, interval_s=interval_s, rest_s=lambda _, model: rests.get(model, 0.0), clock=clock)

    return make


def models_asked(upstream: FakeUpstream) -> list[Any]:
    return [request.json["model"] for request in upstream.requests]


def test_each_model_is_used_once(make: Callable[..., WarmUp], upstream: FakeUpstream, caplog: pytest.LogCaptureFixture) -> None:
    warm_up = make(models=("m", "n"))
    with caplog.at_level(logging.INFO, "proxy.upstream"):
        assert [warm_up.touch(), warm_up.touch()] == [None, None]
    assert models_asked(upstream) == ["m", "n"]
    assert [record.__dict__["upstream_model"] for record in caplog.records] == ["m", "n"]


def test_models_are_touched_again_so_that_the_server_keeps_them(
    make: Callable[..., WarmUp], upstream: FakeUpstream, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    warm_up = make(interval_s=240)
    with caplog.at_level(logging.INFO, "proxy.upstream"):
        assert warm_up.touch() == 240
        clock.now_s += 100
        assert warm_up.touch() == 140
        clock.now_s += 140
        assert warm_up.touch() == 240
    assert (models_asked(upstream), len(caplog.records)) == (["m", "m"], 1)


def test_a_model_that_does_not_chat_makes_a_vector(make: Callable[..., WarmUp], upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", an_error(400))
    upstream.on("/embeddings", json_answer({"data": []}))
    assert make().touch() is None
    assert [request.path for request in upstream.requests] == ["/v1/chat/completions", "/v1/embeddings"]


def test_a_model_that_cannot_be_had_is_given_up(
    make: Callable[..., WarmUp], upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.on("/chat/completions", an_error(404))
    assert make(interval_s=240).touch() is None
    assert [record.message for record in caplog.records] == ["a model cannot be loaded"]


@pytest.mark.parametrize(
    ("answer", "again_s"),
    [(an_error(503), 10), (an_error(429, {"Retry-After": "30"}), 30), (Answer(before=[CUT]), 10), (Answer(steps=[CUT]), 10)],
)
def test_trouble_that_passes_is_waited_out(
    make: Callable[..., WarmUp], upstream: FakeUpstream, clock: Clock, answer: Answer, again_s: float
) -> None:
    upstream.on("/chat/completions", answer, GOOD)
    warm_up = make()
    assert warm_up.touch() == again_s
    assert len(upstream.requests) == 1
    clock.now_s += again_s
    assert warm_up.touch() is None
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(("rest_s", "again_s"), [(3, 3), (3600, 10), (math.inf, 10)])
def test_who_rests_or_is_busy_is_asked_later(
    make: Callable[..., WarmUp], upstream: FakeUpstream, clock: Clock, rests: dict[str, float], rest_s: float, again_s: float
) -> None:
    warm_up, rests["m"] = make(models=("m", "n")), rest_s
    assert [warm_up.touch(), models_asked(upstream)] == [again_s, ["n"]]
    clock.now_s += again_s
    del rests["m"]
    assert [warm_up.touch(), models_asked(upstream)] == [None, ["n", "m"]]


def test_a_replica_that_came_back_has_to_load_everything_again(
    make: Callable[..., WarmUp], upstream: FakeUpstream, replica: Replica
) -> None:
    warm_up = make()
    warm_up.touch()
    replica.suspicion = "silent"
    warm_up.forget()
    assert warm_up.touch() == 10
    replica.suspicion = ""
    assert warm_up.touch() is None
    assert models_asked(upstream) == ["m", "m"]


def test_a_replica_that_is_started_anew_while_a_model_is_loaded_loads_it_again(
    make: Callable[..., WarmUp], upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    warm_up = make()

    def answer(_: Request) -> Answer:
        upstream.on("/chat/completions", GOOD)
        warm_up.forget()
        return GOOD

    upstream.on("/chat/completions", answer)
    with caplog.at_level(logging.INFO, "proxy.upstream"):
        assert warm_up.touch() == 0
        assert warm_up.touch() is None
    assert models_asked(upstream) == ["m", "m"]
    assert [record.getMessage() for record in caplog.records] == ["a model is loaded"]
