"""The words in which Anthropic says why a model stopped -> the four that OpenAI has. Pure.

Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
"""

from __future__ import annotations

from typing import Final

from proxy.canonical.completion import FinishReason

_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
# What a word that nobody listed most likely means; without a hint the model just stopped.
_HINTS: Final[tuple[tuple[str, FinishReason], ...]] = (
    ("length", "length"),
    ("max", "length"),
    ("exceeded", "length"),
    ("filter", "content_filter"),
    ("safety", "content_filter"),
    ("refus", "content_filter"),
)


def read_finish(raw: str, *, has_calls: bool) -> FinishReason:
    """OpenAI's word for the server's, as it must be after what the answer held; `""` when the server ended in order without giving one."""
    reason = _REASONS.get(raw) or next((likely for hint, likely in _HINTS if hint in raw), None)
    if reason in (None, "stop", "tool_calls"):
        return "tool_calls" if has_calls else "stop"
    return reason
