"""Who may come in: the Host guard, the CORS rules, the size of bodies. All is decided at start and looked up per request.

The order is Ollama's: origin, then host. Every OPTIONS request is answered here; no view sees one.
"""

from __future__ import annotations

from flask import Request, Response

from proxy.settings import Settings
from proxy.web.blueprint import ANY_SIZE, plain_text
from proxy.web.hosts import make_host_guard
from proxy.web.origins import OriginGuard, crossing_origin
from proxy.web.unpacking import refuse_if_larger

_MAX_LENGTH_DIGITS = 18


class Guards:
    """The rules of one mount."""

    def __init__(self, settings: Settings) -> None:
        self._origins = OriginGuard(settings.cors_origins)
        self._hosts = make_host_guard(settings.proxy_host, settings.allowed_hosts)
        self._max_bytes = settings.request_max_size

    def admit(self, asked: Request) -> Response | None:
        """The answer to a request when no view is to see it. What an unknown URL gets is its app's business.

        Raises:
            RequestTooLarge: its body is announced to be larger than allowed.
        """
        environ, rule = asked.environ, asked.url_rule
        is_options = environ["REQUEST_METHOD"] == "OPTIONS"
        origin = crossing_origin(environ)
        if origin is not None:
            if not self._origins.allows(origin):
                return _empty(403)
            if is_options:
                return _empty(204)
        if self._hosts is not None:
            verdict = self._hosts.judge(environ.get("HTTP_HOST", ""))
            if verdict == "foreign":
                return _empty(403)
            if is_options and verdict == "name":
                return _empty(204)
        if rule is None:
            return None
        if is_options:
            return plain_text("405 method not allowed", 405, allow=sorted(rule.methods or ()))
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdecimal() and not rule.endpoint.endswith(ANY_SIZE):
            # int() refuses thousands of digits; no body that we could take is longer than these.
            refuse_if_larger(int(length[:_MAX_LENGTH_DIGITS]), self._max_bytes)
        return None

    def tell_browsers(self, response: Response, asked: Request) -> Response:
        """The response to a request, with the headers that the page's browser must see."""
        if crossing_origin(asked.environ) is not None:
            self._origins.add_headers(response)
        return response


def _empty(status: int) -> Response:
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response
