"""The words in which servers say why they stopped -> the four that OpenAI has. Pure."""

from __future__ import annotations

from typing import Final, Literal

from proxy.canonical.completion import FinishReason

ReadReason = FinishReason | Literal["error"]

# Gemini's, in lower case, also behind others (OpenRouter's `native_finish_reason`): the model did wrong, and its server is well.
_MODELS_OWN: Final = ("malformed_function_call", "unexpected_tool_call", "malformed_response", "missing_thought_signature")
_WORDS: Final[dict[ReadReason, tuple[str, ...]]] = {
    "stop": ("stop", "eos", "eos_token", "end_turn", "complete", "completed", "stop_sequence", "pause_turn", "load", "unload"),
    "length": ("length", "max_tokens", "model_length", "max_output_tokens", "model_context_window_exceeded"),
    "tool_calls": ("tool_calls", "function_call", "tool_use", "tool_call"),
    "content_filter": (
        *("content_filter", "sensitive", "refusal", "safety", "recitation", "blocklist", "prohibited_content", "spii", "language"),
        *("image_safety", "model_armor"),
    ),
    "error": ("error", "abort", "aborted", "insufficient_system_resource", *_MODELS_OWN),
}
_REASONS: Final[dict[str, ReadReason]] = {word: reason for reason, words in _WORDS.items() for word in words}

# What a word that nobody listed most likely means; without a hint the model just stopped.
_HINTS: Final[tuple[tuple[str, ReadReason], ...]] = (
    ("error", "error"),
    ("length", "length"),
    ("max", "length"),
    ("filter", "content_filter"),
    ("safety", "content_filter"),
    ("tool", "tool_calls"),
    ("function", "tool_calls"),
)


def read_finish(raw: str) -> ReadReason:
    """OpenAI's word for the server's; clients in strict languages throw on any other."""
    word = raw.strip().lower()
    if word in _REASONS:
        return _REASONS[word]
    return next((reason for hint, reason in _HINTS if hint in word), "stop")


def is_models_own(raw: str, native: object) -> bool:
    """Whether an answer was broken off for what the model did.

    Args:
        native: the word of the server behind the server, where it is told.
    """
    return any(isinstance(word, str) and word.strip().lower() in _MODELS_OWN for word in (raw, native))


def is_finish_word(word: str) -> bool:
    """Whether `word` names a reason, and so is no stop sequence that the model wrote."""
    return word.strip().lower() in _REASONS


def corrected(reason: FinishReason | None, *, has_calls: bool) -> FinishReason:
    """`reason` as it must be after what the answer held; `None` when the server ended in order without giving one.

    Servers say `stop` after calls (OpenAI itself with a named tool_choice, Ollama) and `tool_calls` without any (vLLM with `required`).
    Source: vllm-project/vllm#25054, vllm-project/vllm#53255.
    """
    if has_calls and reason in (None, "stop"):
        return "tool_calls"
    if not has_calls and reason in (None, "tool_calls"):
        return "stop"
    return reason or "stop"
