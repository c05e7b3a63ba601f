"""The block with which Claude Code begins its system prompt. Pure.

It differs from request to request, and means something to Anthropic's bills only: elsewhere it would keep every cache of prompts from
matching.
"""

from __future__ import annotations

_HEADER = "x-anthropic-billing-header:"


def is_billing(text: str) -> bool:
    """Whether a text of a system prompt is that block."""
    return text.startswith(_HEADER)
