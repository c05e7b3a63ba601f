"""What a worker loads: only what its settings ask for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Each costs a worker memory, and its start time. `asyncio` and `multiprocessing` come in by the back door of other libraries.
ONLY_FOR_METRICS = {"prometheus_client", "prometheus_flask_exporter", "psutil"}
ONLY_WHEN_NEEDED = {"zstandard", "gevent", "gunicorn", "asyncio", "multiprocessing", "xml", "sqlite3", "unittest", "redis"}

PROGRAM = """
import sys
from proxy import Settings, create_app
create_app(Settings(openai_api_base_url="http://127.0.0.1:9/v1", enable_metrics=sys.argv[1] == "on"))
print(*{name.partition(".")[0] for name in sys.modules})
"""


def loaded(metrics: str) -> set[str]:
    # What measures coverage loads things of its own into each process that it watches.
    unwatched = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", PROGRAM, metrics], env=unwatched, capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_an_app_without_metrics_loads_nothing_of_them() -> None:
    assert loaded("off").isdisjoint(ONLY_FOR_METRICS | ONLY_WHEN_NEEDED)


@pytest.mark.parametrize("name", sorted(ONLY_FOR_METRICS))
def test_an_app_with_metrics_loads_what_they_need(name: str) -> None:
    assert name in loaded("on")
