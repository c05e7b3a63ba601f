from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

from proxy.telemetry import METRICS, AskedUpstream, ExchangeNotes
from proxy.web.metrics import Metrics, make_metrics
from proxy.web.processes import worker_processes

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def notes(**changes: Any) -> ExchangeNotes:
    usual: dict[str, Any] = {
        "endpoint": "ollama.chat",
        "model": "llama3",
        "known_model": True,
        "upstream": "openai",
        "upstream_model": "gpt-x",
    }
    return ExchangeNotes(**usual | {"attempts": 1} | changes)


class Counted:
    """Metrics of a test's own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)

    def exchange(self, noted: ExchangeNotes | None = None, **changes: Any) -> None:
        self.metrics.request_began()
        seen: dict[str, Any] = {"route": "/api/chat", "method": "POST", "status": "200", "duration_s": 0.3, "streamed": False}
        self.metrics.request_ended(noted or notes(), **seen | changes)

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"ollama_proxy_{name}", labels)


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_requests_when_ended_are_counted_by_route_method_and_status(counted: Counted) -> None:
    counted.exchange()
    counted.exchange()
    counted.exchange(status="502")

    assert counted("requests_total", route="/api/chat", method="POST", status="200") == 2
    assert counted("requests_total", route="/api/chat", method="POST", status="502") == 1
    assert counted("request_duration_seconds_count", route="/api/chat") == 3
    assert counted("request_duration_seconds_sum", route="/api/chat") == pytest.approx(0.9)
    assert counted("request_duration_seconds_bucket", route="/api/chat", le="0.25") == 0
    assert counted("request_duration_seconds_bucket", route="/api/chat", le="0.5") == 3


def test_in_flight_when_a_request_is_under_way(counted: Counted) -> None:
    counted.metrics.request_began()
    assert counted("requests_in_flight") == 1
    counted.exchange()
    assert counted("requests_in_flight") == 1


def test_tokens_when_the_upstream_told_them(counted: Counted) -> None:
    counted.exchange(notes(prompt_tokens=7, completion_tokens=3))
    counted.exchange(notes(prompt_tokens=1))

    assert counted("tokens_total", upstream="openai", model="gpt-x", direction="prompt") == 8
    assert counted("tokens_total", upstream="openai", model="gpt-x", direction="completion") == 3


def test_model_when_nobody_lists_it_is_other(counted: Counted) -> None:
    counted.exchange(notes(known_model=False, model="a b c", upstream_model="a b c", prompt_tokens=5, first_byte_s=0.1))

    assert counted("tokens_total", upstream="openai", model="other", direction="prompt") == 5
    assert counted("time_to_first_byte_seconds_count", upstream="openai", model="other") == 1
    assert "a b c" not in counted.metrics.exposition("")[0]


def test_model_when_asked_by_an_alias_is_counted_under_its_listed_name(counted: Counted) -> None:
    counted.exchange(notes(model="anything-a-glob-matches", prompt_tokens=5))

    assert counted("tokens_total", upstream="openai", model="gpt-x", direction="prompt") == 5
    assert "anything-a-glob-matches" not in counted.metrics.exposition("")[0]


@pytest.mark.parametrize(
    ("end", "shown"), [("finished", "finished"), ("failed", "failed"), ("truncated", "truncated"), ("", "client_gone")]
)
def test_stream_ends_when_closed(counted: Counted, end: str, shown: str) -> None:
    counted.exchange(notes(end=end), streamed=True)

    assert counted("stream_ends_total", endpoint="ollama.chat", end=shown) == 1


def test_whole_answers_when_ended_are_no_stream_ends(counted: Counted) -> None:
    counted.exchange(notes(end="finished"))

    assert counted("stream_ends_total", endpoint="ollama.chat", end="finished") is None


def test_upstream_failures_when_a_later_attempt_went_well(counted: Counted) -> None:
    counted.exchange(notes(attempts=4, repairs=1, failures=["upstream_unavailable", "upstream_unavailable", "upstream_refused"]))

    assert counted("upstream_failures_total", upstream="openai", kind="upstream_unavailable") == 2
    assert counted("upstream_failures_total", upstream="openai", kind="upstream_refused") == 1
    assert counted("upstream_retries_total", upstream="openai") == 2
    assert counted("upstream_repairs_total", upstream="openai") == 1


def test_attempts_for_several_answers_are_no_retries(counted: Counted) -> None:
    counted.exchange(notes(calls=3, attempts=5, repairs=1, earlier=[AskedUpstream("boxes", 3, 0, [], calls=2)]))

    assert counted("upstream_retries_total", upstream="openai") == 1
    assert counted("upstream_retries_total", upstream="boxes") == 1


def test_errors_when_told_are_counted_by_kind(counted: Counted) -> None:
    counted.exchange(ExchangeNotes(error_kind="invalid_request"), status="400")

    assert counted("errors_total", kind="invalid_request") == 1
    assert counted("upstream_retries_total", upstream="") is None


def test_upstreams_that_were_asked_in_vain_are_counted_by_their_own_names(counted: Counted) -> None:
    earlier = [AskedUpstream("boxes", 3, 1, ["upstream_timeout"]), AskedUpstream("cloud", 0, 0, [])]
    counted.exchange(notes(earlier=earlier, attempts=2, failures=["upstream_refused"]))

    assert [counted("fallbacks_total", upstream=name) for name in ("boxes", "cloud", "openai")] == [1, 1, None]
    assert [counted("upstream_retries_total", upstream=name) for name in ("boxes", "cloud", "openai")] == [1, None, 1]
    assert counted("upstream_repairs_total", upstream="boxes") == 1
    assert counted("upstream_failures_total", upstream="boxes", kind="upstream_timeout") == 1
    assert counted("upstream_failures_total", upstream="openai", kind="upstream_refused") == 1


def test_list_that_could_not_be_fetched_is_stale_and_keeps_its_age(counted: Counted) -> None:
    counted.metrics.list_fetched("boxes", True)
    counted.metrics.list_fetched("boxes", False)
    counted.metrics.list_fetched("cloud", False)
    counted.metrics.exposition("")

    assert [counted("model_list_stale", upstream=name) for name in ("boxes", "cloud")] == [1, 1]
    assert 0 <= (counted("model_list_age_seconds", upstream="boxes") or 0) < 5
    assert counted("model_list_age_seconds", upstream="cloud") is None
    counted.metrics.list_fetched("cloud", True)
    assert counted("model_list_stale", upstream="cloud") == 0


def test_breaker_when_it_changes(counted: Counted) -> None:
    counted.metrics.breaker_changed("openai", "box:1", "gpt-x", "open")
    counted.metrics.breaker_changed("openai", "box:1", "", "half-open")
    counted.metrics.breaker_changed("openai", "box:1", "other-model", "closed")

    states = [counted("breaker_state", upstream="openai", replica="box:1", model=model) for model in ("gpt-x", "", "other-model")]
    assert states == [2, 1, 0]


def test_breakers_of_models_that_nobody_lists_share_a_label_that_shows_the_worst(counted: Counted) -> None:
    for model, state, shown in (("a", "open", 2), ("b", "open", 2), ("a", "closed", 2), ("b", "half-open", 1), ("b", "closed", 0)):
        counted.metrics.breaker_changed("openai", "box:1", model, state, is_listed=False)
        assert counted("breaker_state", upstream="openai", replica="box:1", model=model) is None
        assert counted("breaker_state", upstream="openai", replica="box:1", model="other") == shown


def test_breakers_of_one_replica_are_not_those_of_another(counted: Counted) -> None:
    counted.metrics.breaker_changed("openai", "box:1", "a", "open", is_listed=False)
    counted.metrics.breaker_changed("openai", "box:2", "a", "half-open", is_listed=False)

    assert [counted("breaker_state", upstream="openai", replica=replica, model="other") for replica in ("box:1", "box:2")] == [2, 1]


def test_breaker_closes_under_its_label_when_the_list_changes_meanwhile(counted: Counted) -> None:
    counted.metrics.breaker_changed("openai", "box:1", "went", "open", is_listed=True)
    counted.metrics.breaker_changed("openai", "box:1", "went", "closed", is_listed=False)
    counted.metrics.breaker_changed("openai", "box:1", "came", "open", is_listed=False)
    counted.metrics.breaker_changed("openai", "box:1", "came", "closed", is_listed=True)

    states = [counted("breaker_state", upstream="openai", replica="box:1", model=model) for model in ("went", "other", "came")]
    assert states == [0, 0, None]


@pytest.mark.parametrize(("accept", "parse"), [("", plain_families), ("text/plain", plain_families), (OPENMETRICS, openmetrics_families)])
def test_exposition_when_scraped_has_every_metric_in_the_format_asked_for(counted: Counted, accept: str, parse: Any) -> None:
    counted.exchange(
        notes(prompt_tokens=1, first_byte_s=0.1, attempts=3, repairs=1, failures=["upstream_timeout"], error_kind="upstream_timeout"),
        streamed=True,
    )
    counted.metrics.breaker_changed("openai", "box:1", "", "closed")
    counted.metrics.looked_at("openai", "box:1", False)
    counted.metrics.queue_changed("openai", 3)
    counted.metrics.waited("openai", "seated", 0.1)
    counted.metrics.list_fetched("openai", True)
    counted.metrics.sharing_changed(True)
    counted.exchange(notes(earlier=[AskedUpstream("boxes", 1, 0, [])]))
    text, content_type = counted.metrics.exposition(accept)

    assert content_type.startswith("application/openmetrics-text" if accept == OPENMETRICS else "text/plain")
    shown = {family.name: family for family in parse(text) if not family.name.endswith("_created")}
    expected = {metric.name.removesuffix("_total"): metric for metric in METRICS}
    assert set(expected) == set(shown)
    for name, metric in expected.items():
        assert shown[name].documentation == metric.help
        assert all(set(metric.labels) <= set(sample.labels) for sample in shown[name].samples)
        assert shown[name].samples


def test_metrics_when_listed_are_told_apart_and_described() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.name.startswith("ollama_proxy_") and metric.help.endswith(".") for metric in METRICS)


def test_process_figures_when_scraped_are_those_of_this_process(counted: Counted) -> None:
    families = {family.name: family for family in plain_families(counted.metrics.exposition("")[0])}

    (memory,) = families["ollama_proxy_process_resident_memory_bytes"].samples
    assert memory.labels == {"pid": str(os.getpid())}
    assert memory.value > 10_000_000
    assert families["ollama_proxy_process_open_fds"].samples[0].value >= 3
    assert families["ollama_proxy_process_threads"].samples[0].value >= 1
    assert families["ollama_proxy_process_cpu_seconds"].samples[0].value > 0


def test_metrics_when_made_twice_are_the_same() -> None:
    assert make_metrics() is make_metrics()


WORKER = """
import sys
from proxy.telemetry import AskedUpstream, ExchangeNotes
from proxy.web.metrics import make_metrics
metrics = make_metrics()
for _ in range(int(sys.argv[1])):
    metrics.request_began()
    metrics.request_ended(
        ExchangeNotes(), route="/api/tags", method="GET", status="200", duration_s=0.1, streamed=False
    )
metrics.request_began()
metrics.breaker_changed("openai", "box:1", "", sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
print(metrics.exposition("")[0])
"""


def _worker(folder: Path, requests: int, breaker: str) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(requests), breaker],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def _scrape(worker: subprocess.Popen[str]) -> dict[str, list[Any]]:
    text, _ = worker.communicate("scrape\n", timeout=30)
    return {family.name: family.samples for family in plain_families(text)}


def test_metrics_when_several_workers_are_scraped_are_their_sum(tmp_path: Path) -> None:
    first, second = _worker(tmp_path, 3, "open"), _worker(tmp_path, 4, "closed")
    shown = _scrape(second)
    first.communicate()

    (requests,) = [sample.value for sample in shown["ollama_proxy_requests"]]
    (count,) = [sample.value for sample in shown["ollama_proxy_request_duration_seconds"] if sample.name.endswith("_count")]
    (in_flight,) = [sample.value for sample in shown["ollama_proxy_requests_in_flight"]]
    (breaker,) = [sample.value for sample in shown["ollama_proxy_breaker_state"]]
    assert (requests, count, in_flight, breaker) == (7, 7, 2, 2)
    pids = {sample.labels["pid"] for sample in shown["ollama_proxy_process_resident_memory_bytes"]}
    assert pids == {str(first.pid), str(second.pid)}


def test_process_figures_when_a_worker_has_died_leave_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (os.getpid(), ended.pid):
        (tmp_path / f"gauge_livesum_{pid}.db").touch()
        (tmp_path / f"counter_{pid}.db").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    assert [process.pid for process in worker_processes()] == [os.getpid()]
