"""Every answer has a request id and one line in the log."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.app.apps import CHAT, an_app
from tests.fake_upstream import FakeUpstream


def answers(client: FlaskClient, **headers: str) -> list[TestResponse]:
    """One answer of each kind."""
    return [
        client.get("/", headers=headers),
        client.get("/api/tags", headers=headers),
        client.post("/api/chat", json=CHAT, headers=headers),
        client.post("/v1/chat/completions", json=CHAT, headers=headers),
        client.post("/api/chat", data=b"{", headers=headers),
        client.get("/v1/models", headers=headers),
        client.get("/health", headers=headers),
        client.get("/nope", headers=headers),
        client.get("/v1/nope", headers=headers),
        client.get("/api/chat", headers=headers),
        client.open("/api/chat", method="TRACE", headers=headers),
        client.open("/api/chat", method="OPTIONS", headers=headers),
        client.open("/api/chat", method="OPTIONS", headers={**headers, "Origin": "http://page.example"}),
        client.post("/api/chat", data=b"x" * 2000, headers=headers),
        client.head("/api/ps", headers=headers),
    ]


def test_every_answer_has_a_request_id_of_its_own(upstream: FakeUpstream) -> None:
    ids = [response.headers["X-Request-ID"] for response in answers(an_app(upstream, request_max_size=1000).test_client())]
    assert all(len(request_id) >= 16 for request_id in ids)
    assert len(set(ids)) == len(ids)


def test_every_answer_has_the_request_id_that_its_client_sent(upstream: FakeUpstream) -> None:
    client = an_app(upstream, request_max_size=1000).test_client()
    assert {response.headers["X-Request-ID"] for response in answers(client, **{"X-Request-ID": "mine-1"})} == {"mine-1"}
    assert upstream.requests_to("/chat/completions")[-1].headers["x-request-id"] == "mine-1"


@pytest.mark.parametrize("given", ["", "x" * 500, "two words", "é"])
def test_request_id_that_is_not_sane_is_replaced(client: FlaskClient, given: str) -> None:
    response = client.get("/", headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] not in ("", given)


def test_every_answer_is_logged_once(upstream: FakeUpstream, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "proxy.access")
    replies = answers(an_app(upstream, request_max_size=1000).test_client())
    for response in replies:
        response.get_data()
        response.close()
    logged = [vars(record)["status"] for record in caplog.records if record.name == "proxy.access"]
    assert logged == [response.status_code for response in replies]
