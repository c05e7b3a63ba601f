"""The URLs of OpenAI's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from flask import Blueprint, Response

from proxy.canonical.catalog import ModelCard
from proxy.dialects.openai import ingress
from proxy.web import exchange
from proxy.web.blueprint import ListViews, by_header, dialect_blueprint, route


def make_blueprint(name: str, lists_of_others: Mapping[str, ListViews] = MappingProxyType({})) -> Blueprint:
    """A blueprint with all the URLs, to be registered under `name`.

    Args:
        lists_of_others: what clients of other dialects get under the URLs of models; they are known by a header.
    """
    blueprint = dialect_blueprint(name, ingress.render_error)
    for endpoint in (ingress.CHAT, ingress.COMPLETIONS, ingress.EMBEDDINGS):
        view: Callable[[], Response] = partial(exchange.relay, endpoint)
        route(blueprint, f"/v1{endpoint.path}", ["POST"], view)
    all_of = {header: (views.models, views.render_error) for header, views in lists_of_others.items()}
    one_of = {header: (views.one_model, views.render_error) for header, views in lists_of_others.items()}
    route(blueprint, "/v1/models", ["GET"], by_header(models, all_of))
    route(blueprint, "/v1/models/<path:model>", ["GET"], by_header(one_model, one_of))
    return blueprint


def models() -> Response:
    """The models of all upstreams; of one that shows all of its own, and no others, its own list, byte for byte."""
    gateway = exchange.gateway()
    if gateway.lists_as_its_own("openai"):
        return exchange.relay_get("openai.models", "openai", "/models", ingress.render_error)
    return exchange.json_reply(ingress.render_models(gateway.models()))


def one_model(model: str) -> Response:
    """The upstream's own word on the model. Its list's entry, under the id that the client asked for, where it goes by another name, or
    where the upstream does not tell of single models.
    """
    found = exchange.gateway().find_model(model)
    entry = ingress.render_model(found)
    if found.card.id != model and found.card != ModelCard(found.card.id):
        return exchange.json_reply(entry)
    return exchange.relay_model("openai.model", "openai", "/models", ingress.render_error, found, entry)
