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
    """The models of all upstreams; of a single server that shows all of its own, and no others, its own list, byte for byte."""
    gateway = exchange.gateway()
    if gateway.names_are_upstreams:
        return exchange.relay_get("openai.models", "/models", ingress.render_error)
    return exchange.json_reply(ingress.render_models(exchange.models()))


def one_model(model: str) -> Response:
    """A single server's own word on the model. Its list's entry, under the id that the client asked for, where it goes by another name,
    where there are several servers, or where the one does not tell of single models.
    """
    gateway = exchange.gateway()
    found = exchange.find_model(model, may_be_unlisted=True)
    listed = None if found.card == ModelCard(found.card.id) else ingress.render_model(found)
    if listed is not None and not (gateway.names_are_upstreams and found.card.id == model):
        return exchange.json_reply(listed)
    return exchange.relay_model("openai.model", "/models", ingress.render_error, model, listed)
