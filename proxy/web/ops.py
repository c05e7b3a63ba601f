"""What operators and their machines ask: is it alive, is it ready, which version, how much. Plain JSON, no dialect.

Only `/ready` ever asks an upstream.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
from flask import Blueprint, Response, request

from proxy import __version__
from proxy.errors import NotFound, ProxyError
from proxy.settings import Settings
from proxy.web import draining
from proxy.web.blueprint import dialect_blueprint, route
from proxy.web.failure import JSON
from proxy.web.observe import observation
from proxy.web.state import state

_VERDICT_TTL_S = 3


class Readiness:
    """Whether the upstream answers: asked at most every few seconds, and by one request at a time; the others wait for its verdict."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ready = False
        self._fresh_until_s = float("-inf")

    def ready(self, probe: Callable[[float], bool], timeout_s: float) -> bool:
        """What `probe` last said, or says now when that is too long ago. An upstream that takes longer than `timeout_s` is not ready."""
        if self._clock() < self._fresh_until_s:
            return self._ready
        began_s = self._clock()
        if not self._lock.acquire(timeout=timeout_s):
            return False
        try:
            if self._clock() >= self._fresh_until_s:
                # Who comes here after a wait followed a probe that broke: the limit holds for both together.
                left_s = began_s + timeout_s - self._clock()
                if left_s <= 0:
                    return False
                self._ready = probe(left_s)
                self._fresh_until_s = self._clock() + _VERDICT_TTL_S
            return self._ready
        finally:
            self._lock.release()


def make_ops_blueprint(name: str, settings: Settings) -> Blueprint:
    """A blueprint with the URLs of operation, to be registered under `name`."""
    blueprint = dialect_blueprint(name, render_error)
    readiness = Readiness()
    started_s = time.monotonic()

    def health() -> Response:
        upstreams = state().gateway.health()
        is_down = any(upstream["state"] in ("down", "degraded") for upstream in upstreams.values())
        uptime_s = round(time.monotonic() - started_s, 3)
        shared = state().gateway.health_of_sharing()
        about_sharing = {} if shared is None else {"shared_state": shared}
        return _json(status="degraded" if is_down else "ok", version=__version__, uptime_s=uptime_s, upstreams=upstreams, **about_sharing)

    def ready() -> Response:
        gateway = state().gateway
        if draining.has_begun():
            response = _json(status="stopping")
        elif readiness.ready(gateway.probe, settings.health_check_timeout):
            return _json(status="ready")
        else:
            response = _json(status="unavailable", upstreams=gateway.health())
        response.status_code = 503
        response.headers["Retry-After"] = str(_VERDICT_TTL_S)
        return response

    def version() -> Response:
        return _json(version=__version__, ollama_version=settings.ollama_version)

    for rule, view in (("/health", health), ("/ready", ready), ("/v1/version", version), ("/metrics", metrics), ("/v1/metrics", metrics)):
        route(blueprint, rule, ["GET", "HEAD"], _named(view))
    return blueprint


def metrics() -> Response:
    """The metrics of all workers, in the format of Prometheus or OpenMetrics."""
    counted = state().metrics
    if counted is None:
        raise NotFound("metrics are switched off; ENABLE_METRICS=true switches them on")
    text, content_type = counted.exposition(request.headers.get("Accept", ""))
    return Response(text, content_type=content_type)


def render_error(error: ProxyError) -> bytes:
    """An error of these URLs, as JSON."""
    return orjson.dumps({"error": error.message})


def _json(**members: Any) -> Response:
    return Response(orjson.dumps(members), content_type=JSON)


def _named(view: Callable[[], Response]) -> Callable[[], Response]:
    """`view`, noted under its name."""
    endpoint = f"ops.{view.__name__}"

    def named_view() -> Response:
        observation().notes.endpoint = endpoint
        return view()

    return named_view
