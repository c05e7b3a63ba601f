"""The URLs of Anthropic's API. Its lists of models stand at OpenAI's URLs, where its clients are known by the header `VERSION_HEADER`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from flask import Blueprint, Response, request

from proxy.dialects.anthropic import ingress
from proxy.errors import ProxyError, UpstreamRefused
from proxy.web import exchange, failure
from proxy.web.blueprint import ListViews, dialect_blueprint, route
from proxy.web.observe import observation

VERSION_HEADER = "anthropic-version"
_ID_HEADER = "request-id"


def make_blueprint(name: str) -> Blueprint:
    """A blueprint with all the URLs, to be registered under `name`."""
    blueprint = dialect_blueprint(name, render_error)
    blueprint.after_request(tell_request_id)
    messages, count = replace(ingress.MESSAGES, render_error=render_error), replace(ingress.COUNT, render_error=render_error)
    route(blueprint, "/v1/messages", ["POST"], partial(exchange.answer, messages, ingress.MESSAGES_RELAY))
    route(blueprint, "/v1/messages/count_tokens", ["POST"], partial(exchange.count, count, ingress.COUNT_RELAY))
    return blueprint


def models() -> Response:
    """A page of the models of all upstreams; of one that shows all of its own, and no others, its own page, byte for byte."""
    gateway = exchange.gateway()
    if gateway.lists_as_its_own("anthropic"):
        query = request.query_string.decode("ascii", "replace")
        return exchange.relay_get(
            "anthropic.models", "anthropic", "/v1/models", render_error, query=query, passed_headers=ingress.PASSED_HEADERS
        )
    page = ingress.parse_page(request.args)
    return exchange.json_reply(ingress.render_models(exchange.models(), page))


def one_model(model: str) -> Response:
    """What is known of one model."""
    return exchange.json_reply(ingress.render_model(exchange.find_model(model, may_be_unlisted=True)))


def tell_request_id(response: Response) -> Response:
    """The response with the id under which the log has its request, unless an upstream has given it one that its makers know."""
    response.headers.setdefault(_ID_HEADER, observation().request_id)
    return response


def error_reply(error: ProxyError) -> Response:
    """An error answer to the current request, where it came to none of the URLs above."""
    return tell_request_id(failure.error_reply(error, render_error))


def render_error(error: ProxyError) -> bytes:
    """The body of an error answer to the current request."""
    theirs = error.headers.get(_ID_HEADER) if isinstance(error, UpstreamRefused) else None
    return ingress.render_error(error, theirs or observation().request_id)


def _with_request_id(view: Callable[..., Response]) -> Callable[..., Response]:
    """`view` for a blueprint that is not ours: errors included."""

    def told(**arguments: str) -> Response:
        try:
            return tell_request_id(view(**arguments))
        except ProxyError as error:
            return error_reply(error)

    return told


LIST_VIEWS = ListViews(_with_request_id(models), _with_request_id(one_model), render_error)
