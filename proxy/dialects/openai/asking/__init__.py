"""How requests of OpenAI clients are read that go to upstreams of other dialects: from decoded JSON to frozen values. Pure.

What OpenAI's own server would refuse is refused here, in its words; fields that nobody knows are ignored.
"""

from __future__ import annotations

from proxy.dialects.openai.asking.chat import parse_chat
from proxy.dialects.openai.asking.completions import parse_completion
from proxy.dialects.openai.asking.embeddings import parse_embeddings

__all__ = ["parse_chat", "parse_completion", "parse_embeddings"]
