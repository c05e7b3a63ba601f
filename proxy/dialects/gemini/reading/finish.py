"""The words in which Gemini says why it stopped -> the four that OpenAI has. Pure.

Source: google-genai 3.4.0, `types.py`, FinishReason.
"""

from __future__ import annotations

from typing import Final, Literal

from proxy.canonical.completion import FinishReason

ReadReason = FinishReason | Literal["error"]

REASONS: Final[dict[str, ReadReason]] = {
    "STOP": "stop",
    # It would go on if it were asked to.
    "CONTINUATION": "stop",
    "TOO_MANY_TOOL_CALLS": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION"),
            *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER"),
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE"),
            *("NO_IMAGE", "OTHER"),
        ),
        "error",
    ),
}
# What a word that nobody listed most likely means; without a hint the model just stopped.
_HINTS: Final[tuple[tuple[str, ReadReason], ...]] = (
    ("MALFORMED", "error"),
    ("ERROR", "error"),
    ("MISSING", "error"),
    ("MAX", "length"),
    ("SAFETY", "content_filter"),
    ("PROHIBITED", "content_filter"),
    ("IMAGE", "content_filter"),
)


def is_models_own(word: str) -> bool:
    """Whether it is the model that did wrong, where an answer was broken off for that reason, and not its server."""
    return "ERROR" not in word


def read_finish(word: str) -> ReadReason | None:
    """OpenAI's word for Gemini's; `None` for the one that says nothing."""
    if word in ("", "FINISH_REASON_UNSPECIFIED"):
        return None
    return REASONS.get(word) or next((reason for hint, reason in _HINTS if hint in word), "stop")
