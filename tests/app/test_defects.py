"""Defects of ours: told by a request id, logged once, and no stream ends cleanly after one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient

from proxy.dialects.registry import DIALECTS
from proxy.gateway import Gateway, Sent
from proxy.settings import Settings
from proxy.web.mounting import attach_mount
from proxy.web.state import MountState
from proxy.wire.messages import Reply
from tests.app.apps import CHAT


class BrokenGateway:
    """A gateway with a defect in each of its ways."""

    tells_clients_apart = False

    def answer(self, sent: Sent, *_: Any) -> Reply:
        return Reply(200, "application/x-ndjson", broken_body()) if sent.payload["stream"] else self.models()

    def models(self) -> Any:
        raise RuntimeError("a secret of the house, sk-0123456789abcdef")

    def lists_as_its_own(self, _: str) -> bool:
        return False

    def find_model(self, _: str) -> Any:
        return self.models()


def broken_body() -> Iterator[bytes]:
    yield b"{}\n"
    raise ZeroDivisionError


def a_broken_client(**settings: Any) -> FlaskClient:
    app = Flask("broken", static_folder=None)
    mount = MountState(replace(Settings(), **settings), cast(Gateway, BrokenGateway()), None)
    for name, dialect in DIALECTS.items():
        if dialect.make_blueprint is None:
            continue
        blueprint = dialect.make_blueprint(name)
        attach_mount(blueprint, mount)
        app.register_blueprint(blueprint)
    return app.test_client()


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/api/tags", "/v1/models/m"])
@pytest.mark.parametrize("debug", [True, False])
def test_defect_is_told_by_its_request_id_and_logged_once(caplog: pytest.LogCaptureFixture, path: str, debug: bool) -> None:
    caplog.set_level(logging.DEBUG)
    method = "GET" if path in ("/api/tags", "/v1/models/m") else "POST"
    response = a_broken_client(debug=debug).open(path, method=method, json=CHAT, headers={"X-Request-ID": "abc-1"})
    assert response.status_code == 500
    assert response.content_type == "application/json; charset=utf-8"
    assert response.headers["X-Request-ID"] == "abc-1"
    text = response.get_data(as_text=True)
    assert "abc-1" in text
    assert not any(word in text for word in ("secret", "sk-", "Traceback", "RuntimeError", ".py"))
    logged = [record for record in caplog.records if record.exc_info]
    assert [(record.name, vars(record)["request_id"]) for record in logged] == [("proxy.error", "abc-1")]


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_defect_in_a_stream_is_the_servers_to_cut_and_is_noted_as_failed(caplog: pytest.LogCaptureFixture, path: str) -> None:
    """A server ends the connection in the middle of the body, which clients see; a clean end would be a lie."""
    caplog.set_level(logging.INFO)
    response = a_broken_client().post(path, json={**CHAT, "stream": True})
    with pytest.raises(ZeroDivisionError):
        response.get_data()
    response.close()
    line = vars([record for record in caplog.records if record.name == "proxy.access"][-1])
    assert (line["end"], line["error_kind"]) == ("failed", "internal")
