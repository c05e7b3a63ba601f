"""Whether the names that an operator gave lead to models. Asks upstreams for their lists, and nothing else."""

from __future__ import annotations

from collections.abc import Container, Iterator

from proxy.cli.examination import Finding
from proxy.errors import ModelNotFound
from proxy.gateway import Gateway
from proxy.gateway_config import GatewayConfig


def examine_names(config: GatewayConfig, gateway: Gateway) -> Iterator[Finding]:
    """A finding for each alias, and for each name that a fallback goes on with. Globs stand for names that nobody knows yet."""
    aliases = [*config.aliases, *(f"{upstream.name}/{alias}" for upstream in config.upstreams for alias in upstream.aliases)]
    questions = [(f"alias {alias}", alias) for alias in aliases if not _is_glob(alias)]
    questions += [(f"fallback of {name}", fallback) for name, fallbacks in config.fallbacks.items() for fallback in fallbacks]
    unknown = gateway.await_lists() if questions else {}
    return (_finding(question, name, gateway, unknown) for question, name in questions)


def _finding(question: str, name: str, gateway: Gateway, unknown: Container[str]) -> Finding:
    try:
        destination = gateway.chain(name)[0]
    except ModelNotFound:
        return Finding(question, "warning", f"{name} leads nowhere", "It is hidden. Requests for it are answered with 404.")
    where = f"{destination.upstream_model} at {destination.upstream}"
    if destination.card is not None:
        return Finding(question, "ok", f"leads to {where}")
    if destination.upstream in unknown:
        return Finding(question, "skipped", f"leads to {where}, whose models are not known")
    return Finding(question, "warning", f"leads to {where}, which lists no such model", f"Is {name} spelled as `models` shows it?")


def _is_glob(name: str) -> bool:
    return any(letter in name for letter in "*?[")
