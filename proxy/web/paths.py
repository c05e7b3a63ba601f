"""Paths as clients write them: a base URL with a trailing slash makes `//api/chat`, and some add one at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_SLASHES = re.compile("/{2,}")


class TidyPaths:
    """A WSGI app that passes on every request with single slashes and none at the end.

    Ollama itself redirects; a redirected POST comes back as a GET from many clients, so we answer at once.
    """

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if "//" in path or (len(path) > 1 and path.endswith("/")):
            environ["PATH_INFO"] = _SLASHES.sub("/", path).rstrip("/") or "/"
        return self._app(environ, start_response)
