"""The five refusals that clients act upon, recognised by code or by text: many servers give the same status to all. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from proxy.wire.answer_limits import blames_the_answer

_MOST_CHARS = 4000
_CODES: Final = {
    "context_length_exceeded": "context_length_exceeded",
    "exceed_context_size_error": "context_length_exceeded",  # llama.cpp, as `type`
    "string_above_max_length": "context_length_exceeded",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "ResponsibleAIPolicyViolation": "content_filter",
    "insufficient_quota": "insufficient_quota",
    "billing_hard_limit_reached": "insufficient_quota",
    "billing_not_active": "insufficient_quota",
    "model_not_found": "model_not_found",
    "DeploymentNotFound": "model_not_found",
}

# Texts of OpenAI, Azure, vLLM, llama.cpp, TGI, Groq, Together, Mistral, OpenRouter and DeepSeek, in the order in which they are tried.
_TEXTS: Final = {
    "context_length_exceeded": (
        r"(?:maximum|max) context (?:length|size)",
        r"context[_ ]length[_ ]exceeded",
        r"exceeds? (?:the )?(?:available |maximum |model'?s? )*context",
        r"context (?:window|size|length) (?:is |was )?exceeded",
        r"prompt is too long",
        r"input (?:length|is too long).{0,80}\bcontext",
        r"reduce the length of (?:the|your) (?:messages|prompt|input)",
        r"too large for model with \d+ maximum context",
        r"longer than the (?:maximum model length|model'?s context length)",
        r"`inputs` tokens \+ `max_new_tokens` must be",
    ),
    "content_filter": (
        r"content management policy",
        r"content[_ ]filter",
        r"content policy",
        r"requires moderation",
    ),
    "insufficient_quota": (
        r"exceeded your current quota",
        r"insufficient[_ ](?:quota|credits?|balance|funds)",
        r"(?:out of|not enough|more) credits",
        r"billing (?:hard )?limit",
        r"spend(?:ing)? limit",
    ),
    "model_not_found": (
        r"\b(?:model|deployment)\b.{0,150}?(?:\bnot found\b|\bnot exist\b|n't exist\b|\bno longer available\b)",
        r"\bnot a valid model\b",
        r"\b(?:unknown|no such|invalid) model(?: name| id| identifier)?\s*(?:[:'\"`=]|$)",
        r"\bno endpoints found for\b",
        r"\bunable to access model\b",
    ),
}
_PATTERNS: Final = tuple((reason, re.compile("|".join(texts), re.IGNORECASE | re.DOTALL)) for reason, texts in _TEXTS.items())


def reason_of(raw: object, message: str) -> str | None:
    """OpenAI's word for why the server refused, `None` when it is none of the five.

    Servers that cannot fit an answer beside a prompt say that the context is too long, also where the prompt alone would fit. A client that
    believed it would throw away what was said; the limit of the answer is an invalid value.
    """
    reason = written_reason_of(raw) or _reason_in(message)
    return "invalid_value" if reason == "context_length_exceeded" and blames_the_answer(message[:_MOST_CHARS]) else reason


def written_reason_of(raw: object) -> str | None:
    """OpenAI's word for why the server refused, where it gives a code, and `None` where only its text may tell."""
    return next((_CODES[word] for word in _words(raw) if word in _CODES), None)


def _words(raw: object) -> list[str]:
    """What stands where servers put the reason: `code` and `type` of the error, and of Azure's error inside it."""
    if not isinstance(raw, dict):
        return []
    error: Any = raw.get("error")
    error = error if isinstance(error, dict) else raw
    inner = error.get("innererror")
    places = (error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None, raw.get("error_type"))
    return [word for word in places if isinstance(word, str)]


def _reason_in(message: str) -> str | None:
    text = message[:_MOST_CHARS]
    return next((reason for reason, pattern in _PATTERNS if pattern.search(text)), None)
