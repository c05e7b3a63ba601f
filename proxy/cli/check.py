"""`check`: asks the configured upstream what the gateway will need of it, and says what it found."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import click

from proxy.assembly import build_upstream
from proxy.canonical.catalog import ModelCard
from proxy.cli.base_url import corrections, is_an_api, takes_chats
from proxy.cli.examination import Finding, Subject, examine
from proxy.cli.table import in_columns
from proxy.cli.unreachable import why_unreachable
from proxy.gateway import Upstream
from proxy.operator_files import load_settings, read_operator_files
from proxy.profile_book import ProfileBook, Server
from proxy.routing import ModelMap, Route
from proxy.settings import Settings


@click.command("check", short_help="Ask the configured upstream whether all will work.")
@click.option("--model", default="", help="The model to chat with; default: DEFAULT_MODEL, else one of the server's list.")
@click.option("--embedding-model", default="", help="The model to make embeddings with; default: one of the server's list.")
def command(model: str, embedding_model: str) -> None:
    """Ask the configured upstream: is it there, does it take the key, what can its models do?

    The exit status is 1 when nobody could chat with it.
    """
    logging.getLogger("proxy").addHandler(logging.NullHandler())  # the findings say it in other words
    settings = load_settings()
    # One try each: whoever waits here wants to know how it is now.
    subject = _subject(replace(settings, max_retries=0), model or settings.default_model, embedding_model)
    findings = list(examine(subject))
    click.echo(
        in_columns([("CHECK", "VERDICT", "FINDING"), *((finding.question, finding.verdict, finding.finding) for finding in findings)])
    )
    for finding in findings:
        if finding.hint:
            click.echo(f"\n{finding.question}: {finding.hint}")
    sys.exit(0 if _is_usable(findings) else 1)


def _subject(settings: Settings, model: str, embedding_model: str) -> Subject:
    files = read_operator_files(settings)
    upstream = build_upstream(settings, files.catalogue)
    names = ModelMap(files.mapping)
    book = ProfileBook({upstream.name: Server(settings.openai_api_base_url, settings.upstream_profile)})

    def route_to(name: str, card: ModelCard | None) -> Route:
        return Route(upstream.name, name, name, book.current(upstream.name, name, card))

    return Subject(
        upstream,
        route_to=route_to,
        diagnose=partial(why_unreachable, settings),
        takes_chats=partial(takes_chats, upstream, settings.health_check_timeout),
        better_url=partial(_better_url, settings),
        model=model and names.upstream_model(model, upstream.models),
        embedding_model=embedding_model and names.upstream_model(embedding_model, upstream.models),
        patience_s=settings.health_check_timeout,
    )


def _better_url(settings: Settings) -> str:
    """The first of the likely base URLs that leads to an API; `""` when none does."""
    tried = corrections(settings.openai_api_base_url)
    return next((url for url in tried if is_an_api(_upstream_at(settings, url), settings.health_check_timeout)), "")


def _upstream_at(settings: Settings, base_url: str) -> Upstream:
    return build_upstream(replace(settings, openai_api_base_url=base_url))


def _is_usable(findings: Iterable[Finding]) -> bool:
    """Whether somebody can chat: all that a chat needs has then worked too."""
    return any(finding.question == "chat" and finding.verdict == "ok" for finding in findings)
