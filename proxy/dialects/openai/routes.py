"""The URLs of OpenAI's API."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response

from proxy.canonical.catalog import ModelCard
from proxy.dialects.openai import ingress
from proxy.web import exchange
from proxy.web.blueprint import dialect_blueprint, route


def make_blueprint(name: str) -> Blueprint:
    """A blueprint with all the URLs, to be registered under `name`."""
    blueprint = dialect_blueprint(name, ingress.render_error)
    for endpoint in (ingress.CHAT, ingress.COMPLETIONS, ingress.EMBEDDINGS):
        view: Callable[[], Response] = partial(exchange.relay, endpoint)
        route(blueprint, f"/v1{endpoint.path}", ["POST"], view)
    route(blueprint, "/v1/models", ["GET"], models)
    route(blueprint, "/v1/models/<path:model>", ["GET"], one_model)
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
