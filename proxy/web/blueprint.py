"""Blueprints of the house: what every dialect's blueprint has in common. Hooks and error handlers sit here, never on the host's app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from proxy.errors import ProxyError
from proxy.web.failure import RenderError, error_reply, unexpected

View = Callable[..., ResponseReturnValue]


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


def route(blueprint: Blueprint, rule: str, methods: Sequence[str], view: View, render_error: RenderError | None = None) -> None:
    """Registers `view` under exactly these methods, OPTIONS apart (a guard answers those before any view runs).

    Args:
        render_error: the words for errors of this one endpoint, where they differ from the dialect's.
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

    endpoint = f"{'_'.join(allowed)} {rule}".lower().replace(".", "_")
    blueprint.add_url_rule(
        rule, endpoint, guarded_view, methods=[*allowed, "OPTIONS"], provide_automatic_options=False, strict_slashes=False
    )


def plain_text(text: str, status: int, *, allow: Iterable[str] = ()) -> Response:
    """An answer as Go's web frameworks give it for unknown URLs and methods."""
    response = Response(text, status, content_type="text/plain")
    methods = sorted(set(allow) - {"OPTIONS"})
    if methods:
        response.headers["Allow"] = ", ".join(methods)
    return response
