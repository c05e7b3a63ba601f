"""The app that tests ask, in front of a fake upstream."""

from __future__ import annotations

from typing import Any

from flask import Flask

from proxy import create_app
from proxy.settings import Settings
from tests.fake_upstream import FakeUpstream

CHAT = {"model": "m", "stream": False, "messages": [{"role": "user", "content": "hi"}]}


def an_app(upstream: FakeUpstream, **settings: Any) -> Flask:
    chosen = {"openai_api_base_url": upstream.base_url, "max_retries": 0, "enable_metrics": False, **settings}
    return create_app(Settings.from_env({}, dotenv=None, **chosen))
