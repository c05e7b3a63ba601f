"""The URLs of OpenAI's API that lead to no upstream."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from proxy import Settings, create_app


@pytest.fixture
def client() -> FlaskClient:
    return create_app(Settings(openai_api_base_url="http://127.0.0.1:9/v1")).test_client()


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")])
def test_responses_are_not_kept(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(f"/v1/responses/resp_1{path}", method=method)
    assert answer.status_code == 404
    assert answer.get_json()["error"]["message"] == "Response 'resp_1' not found: responses are not kept here."
