"""Whether a request carries what only other upstreams understand: Anthropic's server refuses thoughts that Claude did not sign. Pure."""

from __future__ import annotations

from typing import Any

from proxy.canonical.opaque_words import read_opaque_word

# The member that holds the state, by the type of the block.
_STATES = {"thinking": "signature", "redacted_thinking": "data"}


def is_own(payload: dict[str, Any]) -> bool:
    """Whether all thoughts in the conversation are Claude's. What is not as it should be, the upstream shall judge."""
    messages = payload.get("messages")
    return not isinstance(messages, list) or not any(_has_foreign_thoughts(message) for message in messages)


def _has_foreign_thoughts(message: object) -> bool:
    content = message.get("content") if isinstance(message, dict) and message.get("role") == "assistant" else None
    return isinstance(content, list) and any(_is_foreign(block) for block in content)


def _is_foreign(block: object) -> bool:
    member = _STATES.get(str(block.get("type"))) if isinstance(block, dict) else None
    if not isinstance(block, dict) or member is None:
        return False
    word = block.get(member)
    return not isinstance(word, str) or not word or read_opaque_word(word) is not None
