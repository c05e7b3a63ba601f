"""`version`: which release this is."""

from __future__ import annotations

import click

from proxy import __version__


@click.command("version", short_help="Print the version.")
def command() -> None:
    """Print the version."""
    click.echo(__version__)
