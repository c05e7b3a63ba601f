"""Everything that is the host's stays as it was."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from proxy import Proxy
from proxy.extension import start_gateways
from tests.fake_upstream import FakeUpstream
from tests.gateway import several
from tests.mounting.hosts import Host, fail, settings_for


def told(response: TestResponse) -> tuple[int, str, str, list[str]]:
    """All of an answer but what differs from day to day."""
    headers = sorted(name for name in dict(response.headers) if name != "Date")
    return response.status_code, response.content_type, response.get_data(as_text=True), headers


HOSTS_OWN = [
    ("GET", "/shop", {}),
    ("HEAD", "/shop", {}),
    ("OPTIONS", "/shop", {}),
    ("OPTIONS", "/shop/upload", {}),
    ("OPTIONS", "/shop", {"headers": {"Origin": "http://page.example", "Access-Control-Request-Method": "GET"}}),
    ("GET", "/shop", {"headers": {"Origin": "http://page.example"}}),
    ("GET", "/shop", {"headers": {"Host": "evil.example"}}),
    ("GET", "/shop", {"headers": {"X-Request-ID": "abc"}}),
    ("GET", "/shop/", {}),
    ("POST", "/shop", {}),
    ("GET", "/shop/broken", {}),
    ("GET", "/shop/missing", {}),
    ("GET", "/nowhere", {}),
    ("POST", "/nowhere/at/all", {"data": b"{}"}),
    ("POST", "/shop/upload", {"data": b"x" * 100}),
    ("POST", "/shop/upload", {"data": b"x" * 101}),
    ("GET", "/shop/count", {}),
    ("GET", "/shop/metrics", {}),
]


@pytest.mark.parametrize(("method", "path", "how"), HOSTS_OWN)
def test_hosts_own_url_when_a_gateway_is_mounted_answers_as_before(
    mounted: FlaskClient, host: Host, method: str, path: str, how: dict[str, Any]
) -> None:
    alone = Host()
    expected = told(alone.app.test_client().open(path, method=method, **how))
    assert told(mounted.open(path, method=method, **how)) == expected
    assert host.seen == alone.seen


def test_hosts_defects_when_a_gateway_is_mounted_are_the_hosts(upstream: FakeUpstream) -> None:
    app = Flask("plain", static_folder=None)
    app.add_url_rule("/broken", view_func=fail)
    Proxy(settings_for(upstream)).init_app(app)
    response = app.test_client().get("/broken")
    assert response.status_code == 500
    assert b"Internal Server Error" in response.data
    app.config["TESTING"] = True
    with pytest.raises(RuntimeError, match="of the host"):
        app.test_client().get("/broken")


def test_nothing_of_the_hosts_is_changed_by_mounting(host: Host, upstream: FakeUpstream) -> None:
    app = host.app
    before = (dict(app.config), dict(app.before_request_funcs), dict(app.after_request_funcs), app.url_rule_class, app.wsgi_app)
    handlers = {code: dict(kinds) for code, kinds in app.error_handler_spec[None].items()}
    Proxy(settings_for(upstream)).init_app(app, url_prefix="/llm")
    assert before[0] == dict(app.config)
    assert before[1][None] == app.before_request_funcs[None]
    assert before[2][None] == app.after_request_funcs[None]
    assert before[3:] == (app.url_rule_class, app.wsgi_app)
    assert handlers == {code: dict(kinds) for code, kinds in app.error_handler_spec[None].items()}


def test_hosts_access_when_a_gateway_is_mounted_is_not_logged_by_it(mounted: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    mounted.get("/shop")
    mounted.get("/nowhere")
    assert [record.name for record in caplog.records if record.name.startswith("proxy")] == []


def test_mounting_sends_nothing_and_begins_no_thread_until_it_is_started(
    host: Host, upstream: FakeUpstream, other_upstream: FakeUpstream, tmp_path: Path
) -> None:
    """The host's server may fork afterwards: what was begun before would be missing there, and its connections everybody's."""
    addresses = {"one": f'"{upstream.base_url}"', "other": f'"{other_upstream.base_url}"'}
    watched = several.config_of(tmp_path, "[upstreams.both]\nbase_url = [@one, @other]\nhealth_check_interval = 60\n", addresses)
    before = set(threading.enumerate())
    Proxy(watched).init_app(host.app, url_prefix="/llm")
    assert set(threading.enumerate()) <= before
    assert upstream.requests == other_upstream.requests == []
    start_gateways(host.app)
    assert upstream.wait_for_requests(1, path="/models")
    assert other_upstream.wait_for_requests(1, path="/models")


def test_app_without_a_gateway_has_nothing_to_start() -> None:
    start_gateways(Flask("plain"))
    start_gateways(object())


def test_session_of_the_host_when_a_gateway_is_mounted_goes_on(mounted: FlaskClient) -> None:
    assert [mounted.get("/shop/count").get_json()["count"] for _ in range(3)] == [1, 2, 3]
