"""How the gateway is started, the bare pass-through beside it, and nginx as a reverse proxy. The first two share an interpreter."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.machine import CannotMeasure
from benchmarks.processes import Launch, free_port
from benchmarks.upstreams.nginx import launch_reverse_proxy

ROOT = Path(__file__).parents[2]
# Enough for the most streams that a run holds. One second is what a stop may take: nobody is waiting any more.
_WORKER_CONNECTIONS = 2200
_GRACEFUL_S = 1


def launch_gateway(_: Path, upstream_url: str) -> Launch:
    """The gateway, as `serve` starts it: access log and metrics are on."""
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
    return Launch([str(command), "serve"], port, env=settings)


def launch_bare(_: Path, upstream_url: str) -> Launch:
    """The bare pass-through under gunicorn with the gevent worker; it has no access log."""
    port = free_port()
    options = {
        "--bind": f"127.0.0.1:{port}",
        "--worker-class": "gevent",
        "--workers": "1",
        "--worker-connections": str(_WORKER_CONNECTIONS),
        "--graceful-timeout": str(_GRACEFUL_S),
        "--keep-alive": "5",
    }
    arguments = [word for option in options.items() for word in option]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", *arguments, "benchmarks.contenders.bare_app:app"]
    return Launch(command, port, env={"TARGET": upstream_url, "PYTHONPATH": str(ROOT)})


def launch_nginx(folder: Path, upstream_url: str) -> Launch:
    """nginx as a reverse proxy."""
    return launch_reverse_proxy(folder, upstream_url)
