"""An app of somebody else, with a life of its own, and what a gateway in it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, jsonify, request, session
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from werkzeug.exceptions import NotFound

from proxy.settings import Settings
from tests.facts.speech import chat_reply
from tests.fake_upstream import FakeUpstream, json_answer

CHAT = {"model": "m", "stream": False, "messages": [{"role": "user", "content": "hi"}]}
PREFIXES = [None, "/llm"]


def scripted(upstream: FakeUpstream, model: str) -> FakeUpstream:
    upstream.on("/models", json_answer({"object": "list", "data": [{"id": model, "object": "model"}]}))
    upstream.on("/chat/completions", json_answer(chat_reply(f"hello from {model}")))
    return upstream


def settings_for(upstream: FakeUpstream, **settings: Any) -> Settings:
    chosen = {"openai_api_base_url": upstream.base_url, "max_retries": 0, **settings}
    return Settings.from_env({}, dotenv=None, **chosen)


class Host:
    """An app with a life of its own; `seen` is what its hooks noticed."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.registry = CollectorRegistry()
        self.visits = Gauge("host_visits", "Visits.", registry=self.registry)
        self.app = app = Flask("host", static_folder=None)
        app.config.update(SECRET_KEY="of-the-host", MAX_CONTENT_LENGTH=100)
        app.before_request(self._before)
        app.after_request(self._after)
        app.teardown_request(lambda _: self.seen.append("teardown"))
        app.register_error_handler(NotFound, lambda _: (jsonify(host="404"), 404))
        app.register_error_handler(405, lambda _: ("host 405", 405))
        app.register_error_handler(413, lambda _: ("host 413", 413))
        app.register_error_handler(ZeroDivisionError, lambda _: ("host 500", 500))
        self.serve("/shop", lambda: "the shop")
        self.serve("/shop/broken", self._broken)
        self.serve("/shop/missing", self._missing)
        self.serve("/shop/upload", lambda: request.get_data(), "POST")  # noqa: PLW0108 (`request` is bound late)
        self.serve("/shop/count", self._count)
        self.serve("/shop/metrics", lambda: Response(generate_latest(self.registry), content_type="text/plain"))

    def serve(self, rule: str, view: Callable[[], Any], method: str = "GET") -> None:
        self.app.add_url_rule(rule, rule.replace("/", "_"), view, methods=[method])

    def _before(self) -> None:
        self.seen.append(f"before {request.path}")
        g.of_the_host = "mine"

    def _after(self, response: Response) -> Response:
        self.seen.append(f"after {request.path}")
        response.headers["X-Host"] = "was here"
        return response

    def _broken(self) -> str:
        raise ZeroDivisionError

    def _missing(self) -> str:
        raise NotFound

    def _count(self) -> dict[str, int]:
        session["count"] = session.get("count", 0) + 1
        self.visits.inc()
        return {"count": session["count"]}


def at(prefix: str | None, path: str) -> str:
    return f"{prefix or ''}{path}"


def fail() -> None:
    raise RuntimeError("a secret of the host")
