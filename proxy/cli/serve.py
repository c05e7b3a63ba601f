"""`serve`: the gateway for the configured upstream, under gunicorn."""

from __future__ import annotations

from typing import Any

import click

from proxy.cli.demo import run_demo
from proxy.cli.listening import listening_options
from proxy.cli.server import Server
from proxy.operator_files import keep_operator_files, load_settings
from proxy.settings import Settings


@click.command("serve", short_help="Serve the configured upstream.")
@listening_options
@click.option("--or-demo", is_flag=True, help="Serve the demo when no upstream is configured.")
def command(or_demo: bool, **overrides: Any) -> None:
    """Serve Ollama's and OpenAI's API in front of OPENAI_API_BASE_URL."""

    def read_settings() -> Settings:
        settings = load_settings(**overrides)
        keep_operator_files(settings)
        return settings

    if or_demo and Settings.examine(**overrides)[0].origins["openai_api_base_url"] == "default":
        run_demo(overrides)
    else:
        Server(read_settings, _make_app).run()


def _make_app(settings: Settings) -> Any:
    from proxy.app import create_app

    return create_app(settings)
