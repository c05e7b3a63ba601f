"""The URLs of OpenAI's API."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from flask import Blueprint, Response

from proxy.canonical.catalog import ModelCard
from proxy.dialects.openai import ingress
from proxy.dialects.openai.failures import render_error
from proxy.errors import NotFound
from proxy.web import exchange
from proxy.web.blueprint import ListViews, by_header, dialect_blueprint, route

# Each with the relay to upstreams that speak OpenAI themselves.
_TEXTS = (
    (ingress.CHAT_TRANSLATED, ingress.CHAT),
    (ingress.COMPLETIONS_TRANSLATED, ingress.COMPLETIONS),
    (ingress.RESPONSES_TRANSLATED, ingress.RESPONSES),
)

# Words behind /v1/responses that are no responses' names, and nothing that can be done here: counting, and shortening by OpenAI's models.
_UNKNOWN_ACTIONS = ("input_tokens", "compact")


def make_blueprint(name: str, lists_of_others: Mapping[str, ListViews] = MappingProxyType({})) -> Blueprint:
    """A blueprint with all the URLs, to be registered under `name`.

    Args:
        lists_of_others: what clients of other dialects get under the URLs of models; they are known by a header.
    """
    blueprint = dialect_blueprint(name, render_error)
    for text, own in _TEXTS:
        route(blueprint, f"/v1{own.path}", ["POST"], partial(exchange.answer, text, own))
    vectors = partial(exchange.answer_vectors, ingress.EMBEDDINGS_TRANSLATED, ingress.EMBEDDINGS)
    route(blueprint, f"/v1{ingress.EMBEDDINGS.path}", ["POST"], vectors)
    route(blueprint, "/v1/responses/<response>", ["GET", "DELETE"], kept_response)
    route(blueprint, "/v1/responses/<response>/input_items", ["GET"], kept_response)
    route(blueprint, "/v1/responses/<response>/cancel", ["POST"], kept_response)
    for action in _UNKNOWN_ACTIONS:
        route(blueprint, f"/v1/responses/{action}", ["POST"], partial(unknown_action, action))
    all_of = {header: (views.models, views.render_error) for header, views in lists_of_others.items()}
    one_of = {header: (views.one_model, views.render_error) for header, views in lists_of_others.items()}
    route(blueprint, "/v1/models", ["GET"], by_header(models, all_of))
    route(blueprint, "/v1/models/<path:model>", ["GET"], by_header(one_model, one_of))
    return blueprint


def models() -> Response:
    """The models of all upstreams; of a single server that shows all of its own, and no others, its own list, byte for byte."""
    gateway = exchange.gateway()
    if gateway.lists_as_its_own("openai"):
        return exchange.relay_get("openai.models", "openai", "/models", render_error)
    return exchange.json_reply(ingress.render_models(exchange.models()))


def one_model(model: str) -> Response:
    """A single server's own word on the model. Its list's entry, under the id that the client asked for, where it goes by another name,
    where there are several servers, or where the one does not tell of single models.
    """
    gateway = exchange.gateway()
    found = exchange.find_model(model, may_be_unlisted=True)
    entry = ingress.render_model(found)
    if found.card != ModelCard(found.card.id) and not (gateway.names_are_upstreams and found.card.id == model):
        return exchange.json_reply(entry)
    return exchange.relay_model("openai.model", "openai", "/models", render_error, found, entry)


def kept_response(response: str) -> Response:
    """Refuses what can be had of responses that were kept: none is, and those of an upstream could be any upstream's."""
    raise NotFound(f"Response '{response[:80]}' not found: responses are not kept here.")


def unknown_action(action: str) -> Response:
    """Says that there is no such URL. Without a URL of its own, the word would be taken for a response's name, and POST for the fault."""
    raise NotFound(f"unknown URL: POST /v1/responses/{action}", code="unknown_url")
