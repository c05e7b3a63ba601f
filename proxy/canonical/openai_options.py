"""What OpenAI's own servers take in chats and in responses, and other servers in OpenAI's style do not. Data. Pure.

They stand in `ChatRequest.extra` under these names, and as the client wrote them: OpenAI judges. So do tiers, see `google_options`.
"""

from __future__ import annotations

from typing import Final

VERBOSITY: Final = "verbosity"

PROMPT_CACHE: Final = frozenset({"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"})
"""What is to be kept of a prompt, how long, and under which key."""

OPENAIS_TIERS: Final = ("auto", "default", "scale", "fast")
"""Words for how soon an answer is wanted that are OpenAI's alone: what comes unasked elsewhere, or what its customers have bought."""
