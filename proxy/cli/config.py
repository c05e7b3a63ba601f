"""`config`: the settings and upstreams in force, and where each value comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import click

from proxy.cli.table import in_columns
from proxy.gateway_config import GatewayConfig, load_config
from proxy.settings import SettingDoc, Settings, as_text
from proxy.upstream_settings import KeyInForce, UpstreamSettings
from proxy.web.logs import Redactor

Row = tuple[str, str, str]


@click.command("config", short_help="Show the configuration in force.")
@click.option("--example", is_flag=True, help="Print a file .env with every setting, its default and its meaning.")
def command(example: bool) -> None:
    """Show the settings and upstreams in force, and the origin of each value. Secrets are hidden.

    An origin is default, config (the file PROXY_CONFIG), file (.env) or environment; a variable is named where its name is another.
    """
    if example:
        click.echo("\n\n".join(_example_entry(doc) for doc in Settings.describe()))
        return
    config = load_config(needs_upstream=False)
    settings = config.settings
    redactor = Redactor(config.secrets())
    rows = [(doc.name, _shown_value(settings, doc, redactor), settings.origins[doc.name.lower()]) for doc in Settings.describe()]
    click.echo(in_columns([("SETTING", "VALUE", "ORIGIN"), *rows]))
    for title, table in _tables(config, redactor.redact):
        click.echo(f"\n{title}\n{in_columns(table)}")


def _tables(config: GatewayConfig, redact: Callable[[str], str]) -> Iterator[tuple[str, Sequence[Row | tuple[str, str]]]]:
    """What the file holds, or could hold, besides settings: the heading of each table, and its rows."""
    for upstream in config.upstreams:
        rows = [(key.path, redact(key.text), _origin(upstream, key)) for key in upstream.in_force]
        is_default = len(config.upstreams) > 1 and upstream is config.upstream()
        yield f"[upstreams.{upstream.name}]{' # the default' if is_default else ''}", [("KEY", "VALUE", "ORIGIN"), *rows]
    if config.aliases:
        yield "[aliases]", [("NAME", "MEANS"), *config.aliases.items()]
    if config.fallbacks:
        yield "[fallbacks]", [("NAME", "INSTEAD"), *((name, ", ".join(instead)) for name, instead in config.fallbacks.items())]


def _origin(upstream: UpstreamSettings, key: KeyInForce) -> str:
    """Where the value was written, and under which name if it is not the key's own."""
    if key.place is None:
        return "default"
    is_own_name = key.place.name.startswith(f"upstreams.{upstream.name}.{key.path}")
    return key.place.origin if is_own_name else f"{key.place.name} ({key.place.origin})"


def _shown_value(settings: Settings, doc: SettingDoc, redactor: Redactor) -> str:
    value = as_text(getattr(settings, doc.name.lower()))
    if not doc.secret or not value:
        return redactor.redact(value)
    return _without_credentials(value) if doc.name == "REDIS_URL" else "(hidden)"


def _without_credentials(url: str) -> str:
    """An address, of which only the place may be seen."""
    scheme, _, rest = url.partition("://")
    _, are_there, place = rest.rpartition("@")
    return f"{scheme}://{'(hidden)@' if are_there else ''}{place}"


def _example_entry(doc: SettingDoc) -> str:
    """The setting as lines of `.env`. An empty variable counts as unset, so a default that the machine decides stays empty."""
    if doc.default_in_words:
        return f"# {doc.description} Default: {doc.default}.\n{doc.name}="
    return f"# {doc.description}\n{doc.name}={doc.default}"
