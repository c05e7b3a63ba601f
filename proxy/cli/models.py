"""`models`: the names that clients can use, and where each goes."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import click

from proxy.assembly import build_gateway
from proxy.cli.table import in_columns
from proxy.dialects.ollama.names import display_name
from proxy.errors import ModelNotFound, UpstreamError
from proxy.gateway import Gateway
from proxy.gateway_config import load_config

_Row = tuple[str, str, str, str]


@click.command("models", short_help="List the models as clients see them.")
@click.argument("names", nargs=-1)
def command(names: tuple[str, ...]) -> None:
    """List the names that clients can use, or only NAMES, which need not be in any list: to which model of which upstream each leads, why,
    and where a request goes next that is not served there.
    """
    logging.getLogger("proxy").addHandler(logging.NullHandler())  # an error is told below
    gateway = build_gateway(load_config())
    unknown = gateway.await_lists()
    try:
        shown = {name: name for name in names} or _listed(gateway)
    except UpstreamError as error:
        raise click.ClickException(f"{error.message}. `ollama-openai-proxy check` finds out more.") from None
    if not shown:
        raise click.ClickException("the upstream lists no models. `ollama-openai-proxy check` finds out more.")
    ways = [row for shown_as, name in shown.items() for row in _way(gateway, shown_as, name)]
    click.echo(in_columns([("MODEL", "UPSTREAM", "UPSTREAM MODEL", "WHY"), *ways]))
    for upstream, lack in unknown.items():
        click.echo(f"\nThe models of {upstream} are not known: {lack.message}. `ollama-openai-proxy check` finds out more.", err=True)


def _listed(gateway: Gateway) -> dict[str, str]:
    """The names as Ollama's clients see them -> the names."""
    shown: dict[str, str] = {}
    for model in gateway.models():
        shown.setdefault(display_name(model.name), model.name)
    return shown


def _way(gateway: Gateway, shown: str, name: str) -> Iterator[_Row]:
    """Where `name` leads, and below that where next."""
    try:
        chain = gateway.chain(name)
    except ModelNotFound:
        yield shown, "-", "-", "hidden"
        return
    for place, destination in enumerate(chain):
        yield "  then" if place else shown, destination.upstream, destination.upstream_model, destination.why
