"""`demo`: the gateway with a scripted upstream inside, for a look around without key and network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from proxy.cli.listening import address_of, listening_options
from proxy.cli.server import Server
from proxy.gateway_config import GatewayConfig, load_config
from proxy.settings import Settings


@click.command("demo", short_help="Serve scripted models, to look around.")
@listening_options
def command(**overrides: Any) -> None:
    """Serve Ollama's and OpenAI's API with scripted models: no key, no network, no upstream."""
    run_demo(overrides)


def run_demo(overrides: Mapping[str, Any]) -> None:
    """Serves the demo until it is stopped."""

    def read_config() -> GatewayConfig:
        config = load_config(needs_upstream=False, **overrides)
        return replace(config, settings=_for_a_demo(config.settings))

    server = Server(read_config, _make_app)
    address = address_of(server.config.settings)
    click.echo(f"This is a demo: scripts answer, not models. Ollama's API is at {address}, OpenAI's at {address}/v1.", err=True)
    server.run()


def _for_a_demo(settings: Settings) -> Settings:
    """One worker that only this machine can reach, unless the operator said otherwise."""
    wanted: dict[str, Any] = {"proxy_host": "127.0.0.1", "web_concurrency": 1}
    return replace(settings, **{name: value for name, value in wanted.items() if settings.origins[name] == "default"})


def _make_app(config: GatewayConfig) -> Any:
    from proxy.demo.app import create_demo_app

    return create_demo_app(config)
