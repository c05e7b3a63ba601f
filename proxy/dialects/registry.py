"""The dialects that the house speaks, one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask import Blueprint

from proxy.dialect import Egress
from proxy.dialects.anthropic import egress as anthropic_egress
from proxy.dialects.anthropic.routes import LIST_VIEWS, VERSION_HEADER
from proxy.dialects.anthropic.routes import make_blueprint as make_anthropic_blueprint
from proxy.dialects.gemini import egress as gemini_egress
from proxy.dialects.ollama import egress as ollama_egress
from proxy.dialects.ollama.routes import make_blueprint as make_ollama_blueprint
from proxy.dialects.openai import egress as openai_egress
from proxy.dialects.openai.routes import make_blueprint as make_openai_blueprint


@dataclass(frozen=True, slots=True)
class Dialect:
    """A wire language: the URLs that its clients use, and how its upstreams are asked. Either half may be missing.

    Attributes:
        api: what the base URL of an upstream must lead to, with its article.
    """

    name: str
    api: str
    make_blueprint: Callable[[str], Blueprint] | None = None
    egress: Egress | None = None


# Both have `/v1/models`.
_LISTS_BY_HEADER = {VERSION_HEADER: LIST_VIEWS}

DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("ollama", "an Ollama API", make_ollama_blueprint, ollama_egress),
        Dialect("openai", "an OpenAI-compatible API", partial(make_openai_blueprint, lists_of_others=_LISTS_BY_HEADER), openai_egress),
        Dialect("anthropic", "an Anthropic API", make_anthropic_blueprint, anthropic_egress),
        Dialect("gemini", "a Gemini API", egress=gemini_egress),
    )
}


def egress_of(name: str) -> Egress:
    """How upstreams that speak the dialect `name` are asked. Raises `KeyError` when the house cannot ask them."""
    egress = DIALECTS[name].egress
    if egress is None:
        raise KeyError(f"the house cannot ask upstreams in {name}")
    return egress


def api_of(name: str) -> str:
    """What the base URL of an upstream that speaks the dialect `name` must lead to."""
    return DIALECTS[name].api
