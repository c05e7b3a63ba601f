"""Questions to a gateway with one upstream, and what that upstream was asked."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from proxy import create_app
from proxy.settings import Settings
from tests.fake_upstream import FakeUpstream
from tests.gateway.from_outside import CHAT, MESSAGES, lines_of_stream

KEY = "sk-of-the-operator-0123456789"


def a_client(upstream: FakeUpstream, **settings: Any) -> FlaskClient:
    chosen = {
        "openai_api_base_url": upstream.base_url,
        "openai_api_key": KEY,
        "max_retries": 0,
        "breaker_failures": 1000,
        "enable_metrics": False,
        **settings,
    }
    return create_app(Settings.from_env({}, dotenv=None, **chosen)).test_client()


def ask(client: FlaskClient, path: str = "/api/chat", **body: Any) -> TestResponse:
    """A question without a stream, unless `body` asks for one."""
    question = {"prompt": "hi"} if path.endswith(("generate", "v1/completions")) else {"messages": MESSAGES}
    return client.post(path, json={"model": "m", "stream": False, **question, **body})


def text_of(response: TestResponse) -> str:
    return "".join(line["message"]["content"] for line in lines_of_stream(response))


def asked(upstream: FakeUpstream, path: str = CHAT) -> list[Any]:
    """The bodies that the upstream was sent."""
    return [request.json for request in upstream.requests_to(path)]
