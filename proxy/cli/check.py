"""`check`: asks every configured upstream what the gateway will need of it, and says what it found."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import click

from proxy.assembly import build_gateway
from proxy.canonical.catalog import ModelCard
from proxy.cli.base_url import NoAnswer, corrections, is_an_api, is_refused_key, list_models, takes_chats
from proxy.cli.examination import FOR_CLIENTS_ONLY, Finding, Subject, examine
from proxy.cli.names import examine_names
from proxy.cli.silence import leave_out_log
from proxy.cli.spoken import Spoken, spoken_instead
from proxy.cli.table import in_columns
from proxy.cli.unreachable import why_unreachable
from proxy.errors import ProxyError
from proxy.gateway import Upstream
from proxy.gateway_config import GatewayConfig, load_config
from proxy.key_names import key_names_of
from proxy.profile_book import ProfileBook, Server
from proxy.routing import ModelMap, Route, ShownModels
from proxy.settings import Settings
from proxy.upstream_assembly import build_upstream
from proxy.upstream_settings import ReplicaSettings, UpstreamSettings


@click.command("check", short_help="Ask the configured upstreams whether all will work.")
@click.option("--upstream", "name", default="", help="Ask only the upstream of this name.")
@click.option("--model", default="", help="The model to chat with; default: DEFAULT_MODEL, else one of the server's list.")
@click.option("--embedding-model", default="", help="The model to make embeddings with; default: one of the server's list.")
def command(name: str, model: str, embedding_model: str) -> None:
    """Ask every configured upstream, at each of its replicas: is it there, does it take the keys, what can its models do?

    Also the Redis that workers share what they know through, if there is one. The exit status is 1 when somewhere nobody could chat, or
    Redis cannot be used.
    """
    leave_out_log()  # the findings say it in other words
    config = load_config()
    upstreams = _chosen(config, name)
    if len(upstreams) > 1 and (model or embedding_model):
        raise click.UsageError("there are several upstreams; --upstream must say which of them has the model.")
    if len(config.upstreams) == 1:
        model = model or config.settings.default_model
    usable = [_check(config, upstream, replica, model, embedding_model) for upstream in upstreams for replica in upstream.replicas]
    if not name:
        _check_names(config)
        usable.append(_check_redis(config.settings))
    sys.exit(0 if all(usable) else 1)


def _chosen(config: GatewayConfig, name: str) -> tuple[UpstreamSettings, ...]:
    if not name:
        return config.upstreams
    try:
        return (config.upstream(name),)
    except KeyError:
        raise click.UsageError(f"--upstream must be one of {', '.join(upstream.name for upstream in config.upstreams)}.") from None


def _check(config: GatewayConfig, upstream: UpstreamSettings, replica: ReplicaSettings, model: str, embedding_model: str) -> bool:
    """Prints what is found at one replica; whether it can chat, with each of the keys."""
    # One try each: whoever waits here wants to know how it is now.
    once = replace(upstream.stubbornness, max_retries=0)
    told = replace(upstream, replicas=(replica,), keys=upstream.keys[:1], stubbornness=once)
    findings = list(examine(_subject(config, told, model, embedding_model)))
    of_keys = list(_further_keys(config.settings, told, upstream.keys[1:]))
    if len(config.upstreams) > 1 or len(upstream.replicas) > 1:
        click.echo(f"[{upstream.name}] {replica.base_url.partition('?')[0]}")
    click.echo(_as_text([*findings, *of_keys]))
    return (_is_usable(findings) or FOR_CLIENTS_ONLY in findings) and all(finding.verdict != "failed" for finding in of_keys)


def _check_names(config: GatewayConfig) -> None:
    """Prints what is found of the names that the operator gave, where there are any."""
    findings = list(examine_names(config, build_gateway(config)))
    if findings:
        click.echo(f"[names]\n{_as_text(findings)}")


def _check_redis(settings: Settings) -> bool:
    """Prints what is found of Redis, where one is configured; whether it can be used."""
    if not settings.redis_url:
        return True
    from proxy.cli.shared_state import examine_redis  # It needs redis-py.

    finding = examine_redis(settings)
    click.echo(f"[shared state]\n{_as_text([finding])}")
    return finding.verdict == "ok"


def _as_text(findings: Sequence[Finding]) -> str:
    rows = ((finding.question, finding.verdict, finding.finding) for finding in findings)
    hints = "".join(f"\n{finding.question}: {finding.hint}\n" for finding in findings if finding.hint)
    return f"{in_columns([('CHECK', 'VERDICT', 'FINDING'), *rows])}\n{hints}"


def _subject(config: GatewayConfig, told: UpstreamSettings, model: str, embedding_model: str) -> Subject:
    """The one replica, with the one key, of the upstream that the operator `told` of."""
    upstream = build_upstream(config.settings, told, config.catalogue)
    names = ModelMap({**told.aliases, **config.aliases})
    book = ProfileBook({upstream.name: Server(told.replicas[0].base_url, told.profile, told.dialect)})
    key_names, patience_s = key_names_of(told), told.timeouts.health_check_s

    def route_to(name: str, card: ModelCard | None) -> Route:
        return Route(upstream.name, name, name, book.current(upstream.name, name, card))

    return Subject(
        upstream,
        route_to=route_to,
        diagnose=partial(why_unreachable, told, key_names),
        takes_chats=partial(takes_chats, upstream, patience_s),
        better_url=partial(_better_url, config.settings, told),
        spoken_instead=partial(_spoken_instead, config.settings, told),
        key_names=key_names,
        clients_bring_keys=told.clients_bring_keys,
        model=model and names.upstream_model(model, upstream.models),
        embedding_model=embedding_model and names.upstream_model(embedding_model, upstream.models),
        patience_s=patience_s,
        shown=ShownModels(told.show, told.hide),
    )


def _further_keys(settings: Settings, told: UpstreamSettings, keys: Sequence[str]) -> Iterator[Finding]:
    """Of the keys that take turns, those after the first, which all else was asked with."""
    for number, key in enumerate(keys, start=2):
        question = f"key {number}"
        try:
            list_models(build_upstream(settings, replace(told, keys=(key,))), told.timeouts.health_check_s)
        except NoAnswer:
            yield Finding(question, "skipped", "the server was not reached")
        except ProxyError as error:
            refused = is_refused_key(error)
            yield Finding(question, "failed" if refused else "skipped", error.message if refused else "the server's errors do not tell")
        else:
            yield Finding(question, "ok", "accepted")


def _better_url(settings: Settings, told: UpstreamSettings) -> str:
    """The first of the likely base URLs that leads to an API; `""` when none does."""
    tried = corrections(told.replicas[0].base_url)
    return next((url for url in tried if is_an_api(_upstream_at(settings, told, url), told.timeouts.health_check_s)), "")


def _spoken_instead(settings: Settings, told: UpstreamSettings) -> Spoken | None:
    """Another dialect that the server speaks, and where."""

    def upstream_at(spoken: Spoken) -> Upstream:
        return _upstream_at(settings, replace(told, dialect=spoken.dialect), spoken.base_url)

    return spoken_instead(Spoken(told.dialect, told.replicas[0].base_url), upstream_at, told.timeouts.health_check_s)


def _upstream_at(settings: Settings, told: UpstreamSettings, base_url: str) -> Upstream:
    return build_upstream(settings, replace(told, replicas=(ReplicaSettings(base_url),)))


def _is_usable(findings: Iterable[Finding]) -> bool:
    """Whether somebody can chat: all that a chat needs has then worked too."""
    return any(finding.question == "chat" and finding.verdict == "ok" for finding in findings)
