"""What tests say to a whole gateway and to its upstreams, and how they read what comes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

CHAT = "/chat/completions"
SSE = {"Content-Type": "text/event-stream"}
MESSAGES = [{"role": "user", "content": "hi"}]


def lines_of_stream(response: TestResponse) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.data.splitlines()]


def last_line(log: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The last line of the access log."""
    return vars([record for record in log.records if record.name == "proxy.access"][-1])
