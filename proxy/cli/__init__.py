"""The command line: `ollama-openai-proxy serve | demo | reload | check | models | config | version`.

A command's module is imported when the command is run: `serve` becomes the gunicorn master, which must not import what the others need.
"""

from __future__ import annotations

from importlib import import_module

import click

from proxy.settings import SettingsError

_COMMANDS = ("serve", "demo", "reload", "check", "models", "config", "version")


class _LazyCommands(click.Group):
    """Finds the command `x` as `command` in `proxy.cli.x`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = import_module(f"proxy.cli.{cmd_name}").command
        return found

    def invoke(self, ctx: click.Context) -> object:
        """Wrong settings end every command with the same words, and no trace."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Stands where an Ollama server stood, in front of servers that speak OpenAI, Anthropic, Gemini or Ollama.

    Settings come from the environment and from the file .env; `config` shows them.
    """
