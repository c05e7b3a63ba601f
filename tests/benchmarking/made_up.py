"""What tests of the benchmark make up: runs and what they found, and an answer."""

from __future__ import annotations

from typing import Any

import orjson

from benchmarks import checks
from benchmarks.results import Results


def samples(**metrics: list[float]) -> list[dict[str, float]]:
    """One sample per round."""
    return [dict(zip(metrics, values, strict=True)) for values in zip(*metrics.values(), strict=True)]


def a_run(*, commit: str = "abc123", changes: bool = False, quietness: dict[str, Any] | None = None, **sections: Any) -> Results:
    """A run that found `sections`."""
    machine = {
        "commit": commit,
        "changes": changes,
        "load_average_before": 0.1,
        "load_average_after": 1.5,
        "processor": "P",
        "cores": 2,
        "memory_gib": 4,
        "system": "S",
        "python": "3",
        "nginx": "n",
        "wrk": "w",
        "packages": {"p": "1"},
    }
    about = {"kind": "full", "seconds": 600, "started": "2026-01-02T03:04:05+00:00", "load_s": 3, "slow_load_s": 12, "first_tokens": 100}
    return Results({"machine": machine, "run": about, "sections": sections, "quietness": quietness or {}})


def answered(rate: float, **more: Any) -> dict[str, Any]:
    return {"requests_per_s": rate, "cpu_us_per_request": 1.0, "p50_us": 100_000, "p99_us": 200_000, "connections": 16, **more}


def a_race(**rates: float) -> Results:
    """A run in which each answered so many chats in a second."""
    rounds = {
        name.replace("_", " "): samples(requests_per_s=[rate], cpu_us_per_request=[1], p50_us=[1], p99_us=[1])
        for name, rate in rates.items()
    }
    return a_run(chat={"rounds": rounds})


def with_wavering_log(*, profile: dict[str, Any] | None = None) -> Results:
    """A run whose rounds do not agree on what access log and metrics cost."""
    rates = {"bare": [500, 500, 500], "constant": [2500] * 3, "floor": [1250] * 3, "quiet": [1000, 500, 800], "gateway": [800, 800, 625]}
    rounds = {
        name: samples(requests_per_s=found, cpu_us_per_request=[1] * 3, p50_us=[1] * 3, p99_us=[1] * 3) for name, found in rates.items()
    }
    return a_run(chat={"rounds": rounds}, profile={"figures": {} if profile is None else {"chat, the gateway, Ollama to OpenAI": profile}})


def ollama_stream() -> bytes:
    """The canned stream, as a gateway that loses nothing says it."""
    lines = [{"message": {"content": token}, "done": False} for token in checks.STREAM_TOKENS]
    last = {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 27, "eval_count": 198, "eval_duration": 1}
    return b"".join(orjson.dumps(line) + b"\n" for line in [*lines, last])
