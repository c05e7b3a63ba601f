"""The upstreams' APIs: how a scene is answered in each, and what was asked. Strict: what a real server refuses, fails here."""

from tests.pairs.upstreams.anthropic import ANTHROPIC
from tests.pairs.upstreams.egress import SSE, Egress
from tests.pairs.upstreams.gemini import GEMINI
from tests.pairs.upstreams.ollama import OLLAMA
from tests.pairs.upstreams.openai import OPENAI

EGRESSES = (OPENAI, ANTHROPIC, GEMINI, OLLAMA)

__all__ = ["ANTHROPIC", "EGRESSES", "GEMINI", "OLLAMA", "OPENAI", "SSE", "Egress"]
