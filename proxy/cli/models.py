"""`models`: the names that clients can use, and where each goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from proxy.assembly import build_gateway
from proxy.cli.base_url import is_refused_key
from proxy.cli.listening import address_of
from proxy.cli.silence import leave_out_log
from proxy.cli.table import in_columns
from proxy.cli.waiting import naming_awaited
from proxy.dialects.ollama.names import display_name
from proxy.errors import ModelNotFound, UpstreamError
from proxy.gateway import Gateway
from proxy.gateway_config import GatewayConfig, load_config

_Row = tuple[str, str, str, str]


@click.command("models", short_help="List the models as clients see them.")
@click.argument("names", nargs=-1)
def command(names: tuple[str, ...]) -> None:
    """List the names that clients can use, or only NAMES, which need not be in any list: to which model of which upstream each leads, why,
    and where a request goes next that is not served there.
    """
    leave_out_log()  # an error is told below
    config = load_config()
    gateway = build_gateway(config)
    with naming_awaited(gateway.awaited_lists):
        unknown = gateway.await_lists()
    notes = list(_notes(config, unknown))
    try:
        shown = {name: name for name in names} or _listed(gateway)
    except UpstreamError as error:
        raise click.ClickException("\n".join(notes) or error.message) from None
    if not shown:
        raise click.ClickException("\n".join(["the upstream lists no models. `ollama-openai-proxy check` finds out more.", *notes]))
    ways = [row for shown_as, name in shown.items() for row in _way(gateway, shown_as, name)]
    click.echo(in_columns([("MODEL", "UPSTREAM", "UPSTREAM MODEL", "WHY"), *ways]))
    for note in notes:
        click.echo(f"\n{note}", err=True)


def _notes(config: GatewayConfig, unknown: Mapping[str, UpstreamError]) -> Iterator[str]:
    """What there is to say of lists that are not known, or that are not the same for everybody."""
    for upstream in config.upstreams:
        name, lack = upstream.name, unknown.get(upstream.name)
        if lack is not None and not (upstream.clients_bring_keys and is_refused_key(lack)):
            yield f"The models of {name} are not known: {lack.message}. `ollama-openai-proxy check` finds out more."
        if upstream.clients_bring_keys:
            without = "here is what it shows without one" if lack is None else f"nothing is known without one ({lack.message})"
            yield (
                f"What {name} lists depends on the key that a client brings: {without}. To see what a key is shown, ask the gateway "
                f"while it runs: curl -H 'Authorization: Bearer <key>' {address_of(config.settings)}/v1/models"
            )


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
