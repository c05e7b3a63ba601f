from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from proxy.demo.serving import start_demo_server


@pytest.fixture(scope="session")
def demo_url() -> Iterator[str]:
    """The base URL of a demo server without pauses."""
    server = start_demo_server(pace_s=0)
    yield server.base_url
    server.stop()


@pytest.fixture(scope="session")
def demo(demo_url: str) -> Iterator[openai.OpenAI]:
    """The official OpenAI client, pointed at the demo."""
    with openai.OpenAI(base_url=demo_url, api_key="any", max_retries=0) as client:
        yield client
