"""Slashes that are too many, or missing: nothing is redirected, no body is lost."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.app.apps import CHAT


@pytest.mark.parametrize(
    "path", ["//api/chat", "/api//chat", "/api/chat/", "///api///chat///", "/v1//chat/completions", "//v1/chat/completions/"]
)
def test_slashes_that_are_too_many_change_nothing_and_keep_the_body(client: FlaskClient, path: str) -> None:
    response = client.post("/", json=CHAT, environ_overrides={"PATH_INFO": path})
    assert response.status_code == 200
    assert b"hello" in response.data


@pytest.mark.parametrize("path", ["//", "///", "/"])
def test_root_is_found_by_any_number_of_slashes(client: FlaskClient, path: str) -> None:
    assert client.get("/", environ_overrides={"PATH_INFO": path}).data == b"Ollama is running"


def test_query_when_slashes_are_tidied_stays(client: FlaskClient) -> None:
    assert client.get("/?a=//b/", environ_overrides={"PATH_INFO": "//api/version/"}).status_code == 200


@pytest.mark.parametrize("path", ["//nope/", "//evil.example/..", "///", "/nope//"])
def test_slashes_redirect_nowhere(client: FlaskClient, path: str) -> None:
    response = client.get("/", environ_overrides={"PATH_INFO": path})
    assert response.status_code == (200 if path == "///" else 404)
    assert "Location" not in response.headers
