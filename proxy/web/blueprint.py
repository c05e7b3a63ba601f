"""Blueprints of the house: what every dialect's blueprint has in common. Hooks and error handlers sit here, never on the host's app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from proxy.errors import ProxyError
from proxy.web.failure import RenderError, error_reply, unexpected

ANY_SIZE = " (any size)"
"""The end of the names of endpoints whose bodies may have any size."""

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class ListViews:
    """What a dialect shows of models, under URLs that it shares with others."""

    models: View
    one_model: View
    render_error: RenderError


def dialect_blueprint(name: str, render_error: RenderError) -> Blueprint:
    """A blueprint that answers every error of its views in the words of its dialect."""
    blueprint = Blueprint(name, __name__)

    def answer_known(error: ProxyError) -> Response:
        return error_reply(error, render_error)

    def answer_unknown(error: Exception) -> ResponseReturnValue:
        if isinstance(error, MethodNotAllowed):
            return plain_text("405 method not allowed", 405, allow=error.valid_methods or ())
        if isinstance(error, HTTPException):
            return error  # Nothing here raises one: it is the host's own answer.
        return error_reply(unexpected(error), render_error)

    blueprint.register_error_handler(ProxyError, answer_known)
    blueprint.register_error_handler(Exception, answer_unknown)
    return blueprint


def route(
    blueprint: Blueprint,
    rule: str,
    methods: Sequence[str],
    view: View,
    render_error: RenderError | None = None,
    *,
    takes_uploads: bool = False,
) -> None:
    """Registers `view` under exactly these methods, OPTIONS apart (a guard answers those before any view runs).

    Args:
        render_error: the words for errors of this one endpoint, where they differ from the dialect's.
        takes_uploads: whether its bodies may have any size: they are sent on as they come.
    """
    allowed = tuple(methods)

    @wraps(view)
    def guarded_view(**arguments: Any) -> ResponseReturnValue:
        if request.method not in allowed:
            raise MethodNotAllowed(valid_methods=list(allowed))
        if render_error is None:
            return view(**arguments)
        try:
            return view(**arguments)
        except ProxyError as error:
            return error_reply(error, render_error)

    endpoint = f"{'_'.join(allowed)} {rule}".lower().replace(".", "_") + (ANY_SIZE if takes_uploads else "")
    blueprint.add_url_rule(
        rule, endpoint, guarded_view, methods=[*allowed, "OPTIONS"], provide_automatic_options=False, strict_slashes=False
    )


def by_header(usual: View, others: Mapping[str, tuple[View, RenderError]]) -> View:
    """A view for a URL that several dialects have.

    Args:
        others: the views, and words for errors, of clients that are known by a header.
    """

    def view(**arguments: Any) -> ResponseReturnValue:
        for header, (other, render_error) in others.items():
            if header in request.headers:
                try:
                    return other(**arguments)
                except ProxyError as error:
                    return error_reply(error, render_error)
        return usual(**arguments)

    return view


def plain_text(text: str, status: int, *, allow: Iterable[str] = ()) -> Response:
    """An answer as Go's web frameworks give it for unknown URLs and methods."""
    response = Response(text, status, content_type="text/plain")
    if methods := allow_header(allow):
        response.headers["Allow"] = methods
    return response


def allow_header(methods: Iterable[str]) -> str:
    """The methods as the header `Allow` has them."""
    return ", ".join(sorted(set(methods) - {"OPTIONS"}))
