from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from proxy import __version__
from proxy.gateway import Gateway
from proxy.settings import Settings
from proxy.web.metrics import Metrics
from proxy.web.mounting import attach_mount
from proxy.web.ops import Readiness, make_ops_blueprint
from proxy.web.state import MountState


class FakeGateway:
    """Answers as a gateway with one upstream; counts the probes."""

    def __init__(self, state: str = "up", answers: bool = True) -> None:
        self.state, self.answers = state, answers
        self.shared: Mapping[str, Any] | None = None
        self.probes: list[float] = []

    def health(self) -> Mapping[str, Any]:
        return {"openai": {"state": self.state, "last_answer_age_s": 1.5, "last_error": "", "ill_models": {}, "models": 3}}

    def health_of_sharing(self) -> Mapping[str, Any] | None:
        return self.shared

    def probe(self, timeout_s: float) -> bool:
        self.probes.append(timeout_s)
        return self.answers


def a_client(gateway: FakeGateway, metrics: Metrics | None = None, **settings: Any) -> FlaskClient:
    app = Flask(__name__, static_folder=None)
    chosen = replace(Settings(), **settings)
    blueprint = make_ops_blueprint("ops", chosen)
    attach_mount(blueprint, MountState(chosen, cast(Gateway, gateway), metrics))
    app.register_blueprint(blueprint, url_prefix="/llm")
    return app.test_client()


def test_health_when_the_upstream_is_up_asks_nobody() -> None:
    gateway = FakeGateway()
    response = a_client(gateway).get("/llm/health")

    assert response.status_code == 200
    assert response.content_type == "application/json; charset=utf-8"
    body = response.get_json()
    assert body.pop("uptime_s") >= 0
    assert body == {"status": "ok", "version": __version__, "upstreams": gateway.health()}
    assert gateway.probes == []


def test_health_when_state_is_shared_says_how_that_goes() -> None:
    gateway = FakeGateway()
    gateway.shared = {"state": "down", "last_answer_age_s": None, "last_error": "Connection refused"}
    body = a_client(gateway).get("/llm/health").get_json()
    assert body["shared_state"] == gateway.shared
    assert body["status"] == "ok"


@pytest.mark.parametrize(("state", "status"), [("down", "degraded"), ("degraded", "degraded"), ("unknown", "ok")])
def test_health_when_the_upstream_is_not_up_is_alive_all_the_same(state: str, status: str) -> None:
    response = a_client(FakeGateway(state)).get("/llm/health")

    assert (response.status_code, response.get_json()["status"]) == (200, status)


def test_ready_when_the_upstream_answers() -> None:
    gateway = FakeGateway()
    client = a_client(gateway, health_check_timeout=7.0)

    assert (client.get("/llm/ready").status_code, client.get("/llm/ready").get_json()) == (200, {"status": "ready"})
    assert gateway.probes == [pytest.approx(7.0, abs=0.1)], "the verdict is kept for a few seconds"


def test_ready_when_the_upstream_does_not_answer() -> None:
    gateway = FakeGateway("down", answers=False)
    response = a_client(gateway).get("/llm/ready")

    assert response.status_code == 503
    assert response.get_json() == {"status": "unavailable", "upstreams": gateway.health()}
    assert response.headers["Retry-After"] == "3"


@pytest.mark.parametrize("path", ["/health", "/ready", "/v1/version", "/metrics", "/v1/metrics"])
def test_head_when_asked_answers_without_a_body(path: str) -> None:
    response = a_client(FakeGateway(), Metrics(CollectorRegistry())).head(f"/llm{path}")

    assert (response.status_code, response.data) == (200, b"")


def test_version_when_asked_tells_ours_and_ollamas() -> None:
    response = a_client(FakeGateway(), ollama_version="1.2.3").get("/llm/v1/version")

    assert response.get_json() == {"version": __version__, "ollama_version": "1.2.3"}


@pytest.mark.parametrize("path", ["/metrics", "/v1/metrics"])
def test_metrics_when_scraped_count_what_was_answered_before(path: str) -> None:
    client = a_client(FakeGateway(), Metrics(CollectorRegistry()))
    client.get("/llm/health", buffered=True)
    response = client.get(f"/llm{path}", buffered=True)

    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    shown = {family.name: family.samples for family in text_string_to_metric_families(response.text)}
    counted = {sample.labels["route"]: sample.value for sample in shown["ollama_proxy_requests"]}
    assert counted == {"/llm/health": 1}
    assert shown["ollama_proxy_requests_in_flight"][0].value == 1


def test_metrics_when_openmetrics_is_asked_for() -> None:
    client = a_client(FakeGateway(), Metrics(CollectorRegistry()))
    response = client.get("/llm/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert response.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert response.text.count("# EOF") == 1
    assert response.text.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/metrics", "/v1/metrics"])
def test_metrics_when_switched_off_are_no_url(path: str) -> None:
    response = a_client(FakeGateway()).get(f"/llm{path}")

    assert response.status_code == 404
    assert "ENABLE_METRICS" in response.get_json()["error"]


@pytest.mark.parametrize("path", ["/health", "/ready", "/v1/version", "/metrics"])
def test_wrong_method_when_used_is_told(path: str) -> None:
    response = a_client(FakeGateway()).post(f"/llm{path}")

    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_readiness_when_its_verdict_is_old_asks_again() -> None:
    now_s = 100.0
    readiness = Readiness(lambda: now_s)
    answers = iter([True, False, True])

    def probe(_: float) -> bool:
        return next(answers)

    assert readiness.ready(probe, 1) is True
    now_s += 2.9
    assert readiness.ready(probe, 1) is True
    now_s += 0.2
    assert readiness.ready(probe, 1) is False
    now_s += 3.1
    assert readiness.ready(probe, 1) is True


def test_readiness_when_a_probe_fails_badly_can_be_asked_again() -> None:
    readiness = Readiness()

    def breaks(_: float) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        readiness.ready(breaks, 1)
    assert readiness.ready(lambda _: True, 1) is True


def test_readiness_after_a_wait_and_a_broken_probe_asks_within_what_is_left() -> None:
    now_s, asked, looks = 100.0, [], []
    entered, waiting, go_on = threading.Event(), threading.Event(), threading.Event()

    def clock() -> float:
        looks.append(now_s)
        if len(looks) == 5:  # Three for the first, and the second knows when it came.
            waiting.set()
        return now_s

    readiness = Readiness(clock)

    def breaks(_: float) -> bool:
        entered.set()
        go_on.wait(5)
        nonlocal now_s
        now_s += 0.75
        raise ZeroDivisionError

    def probe(timeout_s: float) -> bool:
        asked.append(timeout_s)
        return True

    def broken() -> bool:
        with pytest.raises(ZeroDivisionError):
            readiness.ready(breaks, 1)
        return False

    first = _in_thread(broken, [])
    assert entered.wait(5)
    verdicts: list[bool] = []
    second = _in_thread(lambda: readiness.ready(probe, 1), verdicts)
    assert waiting.wait(5)
    go_on.set()
    first.join(5)
    second.join(5)
    assert (verdicts, asked) == ([True], [0.25])


def _in_thread(call: Callable[[], bool], verdicts: list[bool]) -> threading.Thread:
    thread = threading.Thread(target=lambda: verdicts.append(call()))
    thread.start()
    return thread


def test_readiness_when_many_ask_at_once_probes_once() -> None:
    readiness = Readiness()
    entered, go_on, probes = threading.Event(), threading.Event(), []

    def probe(timeout_s: float) -> bool:
        probes.append(timeout_s)
        entered.set()
        return go_on.wait(5)

    verdicts: list[bool] = []
    threads = [_in_thread(lambda: readiness.ready(probe, 5), verdicts) for _ in range(5)]
    assert entered.wait(5)
    go_on.set()
    for thread in threads:
        thread.join(5)

    assert verdicts == [True] * 5
    assert len(probes) == 1


def test_readiness_when_a_probe_takes_too_long_is_not_ready() -> None:
    readiness = Readiness()
    entered, go_on = threading.Event(), threading.Event()

    def stuck(_: float) -> bool:
        entered.set()
        return go_on.wait(5)

    verdicts: list[bool] = []
    thread = _in_thread(lambda: readiness.ready(stuck, 5), verdicts)
    assert entered.wait(5)
    assert readiness.ready(stuck, 0.01) is False
    go_on.set()
    thread.join(5)
    assert verdicts == [True]
