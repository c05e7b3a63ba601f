"""How the gateway is started, what it is measured by, and nginx as a reverse proxy. All but nginx share an interpreter."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.machine import CannotMeasure
from benchmarks.processes import Launch, free_port
from benchmarks.upstreams.nginx import launch_reverse_proxy

ROOT = Path(__file__).parents[2]
# Enough for the most streams that a run holds. One second is what a stop may take: nobody is waiting any more.
_WORKER_CONNECTIONS = 2200
_GRACEFUL_S = 1
_OUR_WORKER = "proxy.worker.GatewayWorker"


def launch_gateway(_: Path, upstream_url: str) -> Launch:
    """The gateway, as `serve` starts it: access log and metrics are on."""
    return _gateway(upstream_url, {})


def launch_quiet_gateway(_: Path, upstream_url: str) -> Launch:
    """The gateway without access log and without metrics: what these two cost is the difference."""
    return _gateway(upstream_url, {"LOG_LEVEL": "ERROR", "ENABLE_METRICS": "false"})


def _gateway(upstream_url: str, changes: Mapping[str, str]) -> Launch:
    port = free_port()
    command = Path(sys.executable).with_name("ollama-openai-proxy")
    if not command.exists():
        raise CannotMeasure(f"{command} does not exist: run this by `make bench`, which installs the gateway first")
    settings = {
        "OPENAI_API_BASE_URL": upstream_url,
        "PROXY_HOST": "127.0.0.1",
        "PROXY_PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "WORKER_CONNECTIONS": str(_WORKER_CONNECTIONS),
        "GRACEFUL_TIMEOUT": str(_GRACEFUL_S),
    }
    return Launch([str(command), "serve"], port, env={**settings, **changes})


def launch_bare(_: Path, upstream_url: str) -> Launch:
    """The bare pass-through under gunicorn with the gevent worker; it has no access log."""
    return _under_gunicorn("bare_app", "gevent", {"TARGET": upstream_url})


def launch_floor(_: Path, upstream_url: str) -> Launch:
    """Flask and the gateway's upstream client on the gateway's worker."""
    return _under_gunicorn("floor_app", _OUR_WORKER, {"TARGET": upstream_url, "ASK": "always"})


def launch_constant(_: Path, upstream_url: str) -> Launch:
    """Flask on the gateway's worker, with one answer for everybody."""
    return _under_gunicorn("floor_app", _OUR_WORKER, {"TARGET": upstream_url, "ASK": "once"})


def _under_gunicorn(module: str, worker_class: str, env: Mapping[str, str]) -> Launch:
    port = free_port()
    options = {
        "--bind": f"127.0.0.1:{port}",
        "--worker-class": worker_class,
        "--workers": "1",
        "--worker-connections": str(_WORKER_CONNECTIONS),
        "--graceful-timeout": str(_GRACEFUL_S),
        "--keep-alive": "5",
    }
    arguments = [word for option in options.items() for word in option]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", *arguments, f"benchmarks.contenders.{module}:app"]
    return Launch(command, port, env={**env, "PYTHONPATH": str(ROOT)})


def launch_nginx(folder: Path, upstream_url: str) -> Launch:
    """nginx as a reverse proxy."""
    return launch_reverse_proxy(folder, upstream_url)
