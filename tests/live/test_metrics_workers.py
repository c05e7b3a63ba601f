"""Metrics and logs through real workers: what one worker counted, every scrape shows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.live.gateways import Gateways
from tests.live.master import Master, wait_until

ROUNDS, AT_ONCE = 20, 8


@pytest.fixture(scope="module")
def pair(gateways: Gateways, demo_upstream: str) -> Master:
    """A gateway with two workers, in front of the demo. Its own, because it is counted what it is asked."""
    return gateways.serving(demo_upstream, WEB_CONCURRENCY="2", OLLAMA_VERSION="9.8.7")


def scrape(master: Master, path: str = "/metrics") -> dict[str, list[Any]]:
    """The samples of each metric, from whichever worker took the connection."""
    response = requests.get(master.address + path, timeout=10)
    assert response.status_code == 200
    return {family.name: family.samples for family in text_string_to_metric_families(response.text)}


def value(master: Master, name: str, **labels: str) -> float:
    """A counter's value, 0 when it is not there yet."""
    samples = scrape(master).get(f"ollama_proxy_{name}", [])
    return sum(s.value for s in samples if labels.items() <= s.labels.items() and not s.name.endswith(("_bucket", "_sum", "_created")))


def at_once(master: Master, path: str, times: int) -> None:
    """Asks on new connections at the same time, so that both workers get some."""

    def ask(_: int) -> int:
        return requests.get(master.address + path, timeout=10).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(ask, range(times))) == {200}


def test_metrics_when_two_workers_are_scraped_twenty_times_are_one_monotone_sum(pair: Master) -> None:
    version = {"route": "/api/version", "method": "GET", "status": "200"}
    before = value(pair, "requests", **version)
    seen = [before]
    for _ in range(ROUNDS):
        at_once(pair, "/api/version", AT_ONCE)
        seen.append(value(pair, "requests", **version))
    wait_until(lambda: value(pair, "requests", **version) == before + ROUNDS * AT_ONCE, lambda: seen)

    assert seen == sorted(seen)
    assert value(pair, "request_duration_seconds", route="/api/version") == before + ROUNDS * AT_ONCE
    assert {value(pair, "requests", **version) for _ in range(ROUNDS)} == {before + ROUNDS * AT_ONCE}


def test_process_figures_when_scraped_are_those_of_both_workers(pair: Master) -> None:
    for _ in range(4):
        shown = scrape(pair, "/v1/metrics")
        for name in ("process_resident_memory_bytes", "process_cpu_seconds", "process_threads", "process_open_fds"):
            samples = shown[f"ollama_proxy_{name}"]
            assert {int(sample.labels["pid"]) for sample in samples} <= set(pair.workers())
            assert all(sample.value > 0 for sample in samples)
    wait_until(lambda: len(scrape(pair)["ollama_proxy_process_threads"]) == 2, pair.workers)


def test_in_flight_when_nothing_is_under_way_is_the_scrape_itself(pair: Master) -> None:
    wait_until(lambda: value(pair, "requests_in_flight") == 1, lambda: scrape(pair)["ollama_proxy_requests_in_flight"])


def chat(master: Master, path: str, **members: Any) -> Iterator[bytes]:
    body = {"model": "demo-chat", "messages": [{"role": "user", "content": "Say a few words."}], "stream": True, **members}
    with requests.post(master.address + path, json=body, stream=True, timeout=30) as response:
        assert response.status_code == 200
        yield from response.iter_lines()


@pytest.mark.parametrize(
    ("path", "members", "endpoint"),
    [("/api/chat", {}, "ollama.chat"), ("/v1/chat/completions", {"stream_options": {"include_usage": True}}, "openai.chat")],
)
def test_tokens_when_a_stream_was_translated_or_relayed_are_counted(
    pair: Master, path: str, members: dict[str, Any], endpoint: str
) -> None:
    def counted() -> dict[str, float]:
        tokens = {direction: value(pair, "tokens", model="demo-chat", direction=direction) for direction in ("prompt", "completion")}
        return tokens | {"ends": value(pair, "stream_ends", endpoint=endpoint, end="finished")}

    before = counted()
    records = [orjson.loads(line.removeprefix(b"data: ")) for line in chat(pair, path, **members) if line and line != b"data: [DONE]"]
    usage = next(record["usage"] for record in records if record.get("usage")) if "v1" in path else records[-1]
    told = {
        "prompt": usage.get("prompt_tokens", usage.get("prompt_eval_count")),
        "completion": usage.get("completion_tokens", usage.get("eval_count")),
    }

    assert min(told.values()) > 0
    expected = {name: before[name] + told[name] for name in told} | {"ends": before["ends"] + 1}
    wait_until(lambda: counted() == expected, lambda: (counted(), expected))


def test_log_when_a_stream_was_closed_has_two_lines_of_it(pair: Master) -> None:
    headers = {"X-Request-ID": "live-two-lines"}
    body = {"model": "demo-chat", "messages": [{"role": "user", "content": "Hello"}]}
    response = requests.post(pair.address + "/api/chat", json=body, headers=headers, timeout=30)
    assert response.headers["X-Request-ID"] == "live-two-lines"

    def about_it() -> list[dict[str, Any]]:
        return [record for record in pair.records() if record.get("request_id") == "live-two-lines"]

    wait_until(lambda: len(about_it()) == 2, lambda: pair.lines[-5:])
    first, second = about_it()
    assert (first["logger"], first["message"], first["endpoint"]) == ("proxy.access", "POST /api/chat 200", "ollama.chat")
    assert (second["message"], second["end"], second["bytes"]) == ("stream finished", "finished", len(response.content))
    assert 0 < second["first_byte_ms"] <= second["duration_ms"]
    assert second["completion_tokens"] > 0


def test_log_when_a_client_left_says_so(pair: Master) -> None:
    body = {"model": "demo-chat", "messages": [{"role": "user", "content": "word " * 3000}]}
    headers = {"X-Request-ID": "live-left"}
    with requests.post(pair.address + "/api/chat", json=body, headers=headers, stream=True, timeout=30) as response:
        next(response.iter_content(16))

    wait_until(
        lambda: any(record.get("request_id") == "live-left" and record.get("end") == "client_gone" for record in pair.records()),
        lambda: pair.lines[-5:],
    )


def test_metrics_when_switched_off_are_no_url(gateways: Gateways, demo_upstream: str) -> None:
    master = gateways.serving(demo_upstream, ENABLE_METRICS="false")

    assert [requests.get(master.address + path, timeout=10).status_code for path in ("/metrics", "/v1/metrics")] == [404, 404]
    assert requests.get(master.address + "/health", timeout=10).status_code == 200
