"""Whether the names that an operator gave lead to models. Asks upstreams for their lists, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from difflib import get_close_matches

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
    upstreams = [upstream.name for upstream in config.upstreams]
    return (
        _finding(question, name, gateway, unknown, _misspelt(config.aliases.get(name, name), upstreams)) for question, name in questions
    )


def _finding(question: str, name: str, gateway: Gateway, unknown: Container[str], misspelt: str) -> Finding:
    try:
        destination = gateway.chain(name)[0]
    except ModelNotFound:
        return Finding(question, "warning", f"{name} leads nowhere", "It is hidden. Requests for it are answered with 404.")
    where = f"{destination.upstream_model} at {destination.upstream}"
    if destination.card is not None:
        return Finding(question, "ok", f"leads to {where}")
    if destination.upstream in unknown:
        return Finding(question, "skipped", f"leads to {where}, whose models are not known", misspelt)
    hint = misspelt or f"Is {name} spelled as `models` shows it?"
    return Finding(question, "warning", f"leads to {where}, which lists no such model", hint)


def _misspelt(name: str, upstreams: Sequence[str]) -> str:
    """What to say of a name that begins almost with an upstream's, which is why it leads elsewhere; `""` of others."""
    beginning = re.split("[/:]", name, maxsplit=1)[0].lower()
    if beginning == name.lower() or beginning in upstreams:
        return ""
    return "".join(f"There is no upstream {beginning}; is {near} meant?" for near in get_close_matches(beginning, upstreams, n=1))


def _is_glob(name: str) -> bool:
    return any(letter in name for letter in "*?[")
