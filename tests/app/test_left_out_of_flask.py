"""What of Flask is left out for speed: routes, hosts and views are as they were with it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask, Request
from werkzeug.exceptions import HTTPException
from werkzeug.test import create_environ

from tests.app.apps import an_app
from tests.fake_upstream import FakeUpstream


def a_route(app: Flask, request: Request, *, by_flask: bool) -> tuple[Any, str]:
    """Where `request` leads, or what is told instead, and a URL as it is built there."""
    adapter = Flask.create_url_adapter(app, request) if by_flask else app.create_url_adapter(request)
    assert adapter is not None
    try:
        found: Any = adapter.match(return_rule=True)
    except HTTPException as error:
        found = (error.code, getattr(error, "valid_methods", None), getattr(error, "new_url", None))
    return found, adapter.build("proxy1_ollama.get_head /api/tags", force_external=True)


@pytest.mark.parametrize(
    "path", ["/", "/api/chat", "/api/tags", "/api/nope", "/v1/models/org/m", "/v1/models/gr\u00fc\u00df", "/api//tags", "*"]
)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"HTTP_HOST": "Gate.example:8080"},
        {"HTTP_HOST": "bad host\\"},
        {"SCRIPT_NAME": "/below"},
        {"wsgi.url_scheme": "https", "QUERY_STRING": "a=b"},
        {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "keep-alive, Upgrade"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_requests_lead_where_flask_leads_them(upstream: FakeUpstream, method: str, path: str, more: dict[str, str]) -> None:
    app = an_app(upstream)
    environ = {**create_environ("/", method=method), "PATH_INFO": path.encode().decode("latin-1"), **more}
    ours, flasks = (a_route(app, app.request_class(dict(environ)), by_flask=by_flask) for by_flask in (False, True))
    assert (ours[0], ours[1].lower()) == (flasks[0], flasks[1].lower())


@pytest.mark.parametrize(
    "config", [{"TRUSTED_HOSTS": ["gate.example"]}, {"TRUSTED_HOSTS": ["gate.example"], "SERVER_NAME": "gate.example"}]
)
def test_hosts_that_flask_is_told_to_trust_are_the_only_ones(upstream: FakeUpstream, config: dict[str, Any]) -> None:
    app = an_app(upstream)
    app.config.update(config)
    assert app.test_client().get("/api/tags", headers={"Host": "gate.example"}).status_code == 200
    assert app.test_client().get("/api/tags", headers={"Host": "evil.example"}).status_code == 400


def test_no_view_and_no_hook_is_a_coroutine(upstream: FakeUpstream) -> None:
    app = an_app(upstream)
    hooks = [hook for kind in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs) for hook in sum_of(kind)]
    handlers = [handler for codes in app.error_handler_spec.values() for kinds in codes.values() for handler in kinds.values()]
    functions = [*app.view_functions.values(), *hooks, *handlers]
    assert len(functions) > 30
    assert [function for function in functions if inspect.iscoroutinefunction(inspect.unwrap(function))] == []


def sum_of(lists: Mapping[Any, list[Any]]) -> list[Any]:
    return [function for functions in lists.values() for function in functions]
