"""The URLs of OpenAI's API."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response

from proxy.dialects.openai import ingress
from proxy.errors import ModelNotFound
from proxy.web import exchange
from proxy.web.blueprint import dialect_blueprint, route


def make_blueprint(name: str) -> Blueprint:
    """A blueprint with all the URLs, to be registered under `name`."""
    blueprint = dialect_blueprint(name, ingress.render_error)
    for endpoint in (ingress.CHAT, ingress.COMPLETIONS, ingress.EMBEDDINGS):
        view: Callable[[], Response] = partial(exchange.relay, endpoint)
        route(blueprint, f"/v1{endpoint.path}", ["POST"], view)
    route(blueprint, "/v1/models", ["GET"], partial(exchange.relay_get, "openai.models", "/models", ingress.render_error))
    route(blueprint, "/v1/models/<path:model>", ["GET"], one_model)
    return blueprint


def one_model(model: str) -> Response:
    """The upstream's own word on the model. Its list's entry, under the id that the client asked for, where it goes by another name, or
    where the upstream does not tell of single models.
    """
    gateway = exchange.gateway()
    gateway.models()
    card = gateway.find_model(model)
    if card is None and gateway.lists_models:
        raise ModelNotFound(model)
    listed = None if card is None else ingress.render_model(card, model)
    upstream_model = gateway.upstream_model(model)
    if listed is not None and upstream_model != model:
        return exchange.json_reply(listed)
    return exchange.relay_get("openai.model", f"/models/{upstream_model}", ingress.render_error, model, listed)
