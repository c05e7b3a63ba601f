"""`serve`: the gateway for the configured upstreams, under gunicorn."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from proxy.cli.demo import run_demo
from proxy.cli.listening import listening_options
from proxy.cli.server import Server
from proxy.gateway_config import GatewayConfig, load_config


@click.command("serve", short_help="Serve the configured upstreams.")
@listening_options
@click.option("--or-demo", is_flag=True, help="Serve the demo when no upstream is configured.")
def command(or_demo: bool, **overrides: Any) -> None:
    """Serve Ollama's and OpenAI's API in front of OPENAI_API_BASE_URL, or of the upstreams that PROXY_CONFIG and variables declare."""
    if or_demo and not load_config(needs_upstream=False, **overrides).upstreams:
        run_demo(overrides)
    else:
        Server(partial(load_config, **overrides), _make_app).run()


def _make_app(config: GatewayConfig) -> Any:
    from proxy.app import create_app

    return create_app(config)
