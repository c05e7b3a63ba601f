"""A gateway in front of one scripted upstream: a client's request in, an upstream on a real socket, the client's answer out."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.fake_upstream import FakeUpstream, json_answer
from tests.gateway.one_upstream.questions import a_client


@pytest.fixture
def upstream(upstream: FakeUpstream) -> FakeUpstream:
    """An upstream that lists three models."""
    models = [{"id": name, "object": "model", "created": 1700000000, "owned_by": "them"} for name in ("m", "vectors", "org/large:7b")]
    upstream.on("/models", json_answer({"object": "list", "data": models}))
    return upstream


@pytest.fixture
def client(upstream: FakeUpstream) -> FlaskClient:
    return a_client(upstream)
