"""What `serve` and `demo` have in common: where to listen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from proxy.settings import Settings


def listening_options(command: Callable[..., None]) -> Callable[..., Any]:
    """Adds the options that win over PROXY_HOST, PROXY_PORT and WEB_CONCURRENCY; their parameters are named as the settings' fields."""
    for option in (
        click.option("--workers", "web_concurrency", type=int, help="How many worker processes serve (WEB_CONCURRENCY)."),
        click.option("--port", "proxy_port", type=int, help="The port to listen on (PROXY_PORT)."),
        click.option("--host", "proxy_host", help="The address to listen on (PROXY_HOST)."),
    ):
        command = option(command)
    return command


def address_of(settings: Settings) -> str:
    """The URL under which a program on this machine reaches the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.proxy_host, settings.proxy_host)
    return f"http://[{host}]:{settings.proxy_port}" if ":" in host else f"http://{host}:{settings.proxy_port}"
