"""An upstream with one model that says hello, and a client of the app in front of it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.app.apps import an_app
from tests.facts.speech import chat_reply
from tests.fake_upstream import FakeUpstream, json_answer


@pytest.fixture
def upstream(upstream: FakeUpstream) -> FakeUpstream:
    upstream.on("/models", json_answer({"object": "list", "data": [{"id": "m", "object": "model"}]}))
    upstream.on("/chat/completions", json_answer(chat_reply("hello")))
    return upstream


@pytest.fixture
def client(upstream: FakeUpstream) -> FlaskClient:
    return an_app(upstream).test_client()
