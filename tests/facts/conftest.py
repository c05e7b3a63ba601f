"""A real gateway in front of a scripted upstream, for the facts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.facts.speech import Facts, ScriptedModel
from tests.fake_upstream import FakeUpstream
from tests.live.conftest import gateways
from tests.live.gateways import Gateways

__all__ = ["gateways"]

# What a server says of a model of which all is known, in Mistral's way.
ONLY_CHATS = {"completion_chat": True, "function_calling": False, "vision": False, "reasoning": False, "completion_fim": False}

MODELS = [
    {"id": "vectors", "object": "model", "created": 1700000000, "owned_by": "them", "capabilities": ["embedding"]},
    {"id": "tagged:7b", "object": "model", "created": 1700000100, "owned_by": "them"},
    {"id": "zebra", "object": "model", "created": 1700000100, "owned_by": "them"},
    {"id": "chatty", "object": "model", "created": 1700000200, "owned_by": "them", "context_length": 8192},
    {"id": "plain", "object": "model", "created": 1700000300, "owned_by": "them", "capabilities": ONLY_CHATS},
]


@pytest.fixture(scope="session")
def scripted() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server


@pytest.fixture
def facts(gateways: Gateways, scripted: FakeUpstream) -> Facts:
    """The gateway with default settings and a key."""
    upstream = ScriptedModel(scripted, MODELS)
    return Facts(gateways.serving(scripted.base_url, OPENAI_API_KEY="sk-of-the-gateway").address, upstream)


@pytest.fixture
def facts_with_origins(gateways: Gateways, scripted: FakeUpstream) -> Facts:
    """The gateway with a list of origins, to which Ollama's own local ones belong."""
    upstream = ScriptedModel(scripted, MODELS)
    return Facts(gateways.serving(scripted.base_url, CORS_ORIGINS="https://chat.example").address, upstream)


@pytest.fixture(scope="session")
def facts_without_models(gateways: Gateways) -> Iterator[Facts]:
    """The gateway in front of a server that lists no models."""
    with FakeUpstream() as server:
        yield Facts(gateways.serving(server.base_url).address, ScriptedModel(server, []))
