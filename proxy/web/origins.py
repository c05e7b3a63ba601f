"""Which web pages may call, and what their browsers are told: the CORS rules of Ollama, with the operator's list of origins.

flask-cors writes the headers of an allowed origin; the refusal, and the lists that Ollama answers preflights with, are ours. A request
without an `Origin` costs one look-up: flask-cors' own hook would cost it 20 microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flask import Response, request
from flask_cors.core import DEFAULT_OPTIONS, serialize_options, set_cors_headers

# What pages on this machine and webviews of apps call themselves; always allowed (envconfig/config.go AllowedOrigins).
LOCAL_ORIGINS = (
    *(f"{scheme}://{host}{port}" for host in ("localhost", "127.0.0.1", "0.0.0.0") for scheme in ("http", "https") for port in ("", ":*")),
    *(f"{scheme}://*" for scheme in ("app", "file", "tauri", "vscode-webview", "vscode-file")),
)
# gin-contrib/cors DefaultConfig and routes.go GenerateRoutes.
_STAINLESS = "Arch Async Custom-Poll-Interval Helper-Method Lang Os Package-Version Poll-Helper Retry-Count Runtime Runtime-Version Timeout"
_NAMED = "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta"
_HEADERS = ",".join([_NAMED, *(f"X-Stainless-{word}" for word in _STAINLESS.split())])
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS",
    "Access-Control-Allow-Headers": _HEADERS,
    "Access-Control-Max-Age": "43200",
}
_PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class OriginGuard:
    """Judges origins by a list in which each `*` stands for any text; `*` alone lets all in."""

    def __init__(self, origins: Iterable[str]) -> None:
        listed = [*LOCAL_ORIGINS, *origins]
        self._any = "*" in listed
        self._allowed = re.compile("|".join(map(_pattern, listed)), re.IGNORECASE)
        chosen: dict[str, Any] = {"origins": "*" if self._any else self._allowed, "send_wildcard": self._any}
        self._options = serialize_options({**DEFAULT_OPTIONS, **chosen})

    def allows(self, origin: str) -> bool:
        return self._any or self._allowed.match(origin) is not None

    def add_headers(self, response: Response) -> None:
        """What the browser of a page with an allowed origin must be told; nothing for others. Belongs to the current request."""
        set_cors_headers(response, self._options)
        headers = response.headers
        if request.method != "OPTIONS" or "Access-Control-Allow-Origin" not in headers:
            return
        requested = headers.get("Access-Control-Allow-Headers")
        headers.update(_PREFLIGHT)
        if not self._any:
            headers["Vary"] = _PREFLIGHT_VARY
        elif requested:
            headers["Access-Control-Allow-Headers"] = f"{_HEADERS},{requested}"


def crossing_origin(environ: dict[str, Any]) -> str | None:
    """The `Origin` of a request that comes from another site's page; `None` when there is none, or the page is our own."""
    origin: str | None = environ.get("HTTP_ORIGIN")
    if not origin:
        return None
    scheme, _, host = origin.partition("://")
    return None if host == environ.get("HTTP_HOST") and scheme in ("http", "https") else origin


def _pattern(origin: str) -> str:
    return ".*".join(map(re.escape, origin.split("*"))) + r"\Z"
