"""`config`: the settings in force and where each comes from."""

from __future__ import annotations

import click

from proxy.cli.table import in_columns
from proxy.operator_files import load_settings
from proxy.settings import SettingDoc, Settings, as_text
from proxy.web.logs import Redactor


@click.command("config", short_help="Show the settings in force.")
@click.option("--example", is_flag=True, help="Print a file .env with every setting, its default and its meaning.")
def command(example: bool) -> None:
    """Show the settings in force and their origin: default, file (.env) or environment. Secrets are hidden."""
    if example:
        click.echo("\n\n".join(_example_entry(doc) for doc in Settings.describe()))
        return
    settings = load_settings(needs_upstream=False)
    rows = [(doc.name, _shown_value(settings, doc), settings.origins[doc.name.lower()]) for doc in Settings.describe()]
    click.echo(in_columns([("SETTING", "VALUE", "ORIGIN"), *rows]))


def _shown_value(settings: Settings, doc: SettingDoc) -> str:
    value = as_text(getattr(settings, doc.name.lower()))
    return "(hidden)" if doc.secret and value else Redactor().redact(value)


def _example_entry(doc: SettingDoc) -> str:
    """The setting as lines of `.env`. An empty variable counts as unset, so a default that the machine decides stays empty."""
    if doc.default_in_words:
        return f"# {doc.description} Default: {doc.default}.\n{doc.name}="
    return f"# {doc.description}\n{doc.name}={doc.default}"
