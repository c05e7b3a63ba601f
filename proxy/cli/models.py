"""`models`: the names that clients can use, and where each goes."""

from __future__ import annotations

import logging

import click

from proxy.assembly import build_gateway
from proxy.cli.table import in_columns
from proxy.dialects.ollama.names import display_name
from proxy.errors import UpstreamError
from proxy.gateway_config import load_config


@click.command("models", short_help="List the models as clients see them.")
def command() -> None:
    """List the names that clients can use, and the upstream's name for each."""
    logging.getLogger("proxy").addHandler(logging.NullHandler())  # an error is told below
    gateway = build_gateway(load_config())
    try:
        listed = [card.id for card in gateway.models()]
    except UpstreamError as error:
        raise click.ClickException(f"{error.message}. `ollama-openai-proxy check` finds out more.") from None
    names = dict.fromkeys([*gateway.aliases(), *listed])
    if not names:
        raise click.ClickException("the upstream lists no models. `ollama-openai-proxy check` finds out more.")
    click.echo(in_columns([("MODEL", "UPSTREAM MODEL"), *((display_name(name), gateway.upstream_model(name)) for name in names)]))
