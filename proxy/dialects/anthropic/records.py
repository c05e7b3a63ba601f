"""What Anthropic's messages are made of: blocks, the reason why they stopped, what they cost. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from proxy.canonical.completion import FinishReason, Usage
from proxy.canonical.opaque_words import ANTHROPIC, opaque_word
from proxy.dialects.anthropic.tool_ids import legal_id

Record = dict[str, Any]

_STOP_REASONS: Final[Mapping[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
# The words of upstreams that say more than ours, and Claude's for the same.
_FINER: Final[Mapping[str, tuple[FinishReason, str]]] = {
    "pause_turn": ("stop", "pause_turn"),
    "CONTINUATION": ("stop", "pause_turn"),  # Gemini would go on if it were asked to.
    "TOO_MANY_TOOL_CALLS": ("stop", "pause_turn"),
    "model_context_window_exceeded": ("length", "model_context_window_exceeded"),
}


def message_id(upstream_id: str) -> str:
    """The id of an answer as clients expect it to look."""
    return upstream_id if upstream_id.startswith("msg_") else f"msg_{upstream_id.removeprefix('chatcmpl-')}"


def message_record(answer_id: str, model: str, content: list[Record], usage: Usage, stop: Mapping[str, str | None] | None = None) -> Record:
    """A message: whole with its `stop`, as it begins without."""
    return {
        "id": answer_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        **(stop or {"stop_reason": None, "stop_sequence": None}),
        "usage": usage_record(usage),
    }


def stop_record(finish_reason: FinishReason, raw_reason: str, stop_sequence: str, *, refused: bool) -> dict[str, str | None]:
    """Why a message stopped.

    Args:
        refused: whether the model said that it will not answer; other languages have no reason of its own for that.
    """
    if refused:
        return {"stop_reason": "refusal", "stop_sequence": None}
    if stop_sequence and finish_reason == "stop":
        return {"stop_reason": "stop_sequence", "stop_sequence": stop_sequence}
    finer_than, finer = _FINER.get(raw_reason, ("", ""))
    return {"stop_reason": finer if finer_than == finish_reason else _STOP_REASONS[finish_reason], "stop_sequence": None}


def usage_record(usage: Usage) -> Record:
    """What a message cost. Anthropic counts what comes from or goes into a cache apart from `input_tokens`.

    The two counts that its clients insist on are 0 where they are unknown, the others `null`.
    """
    cached, written = usage.cached_tokens, usage.cache_write_tokens
    record: Record = {
        "input_tokens": max(0, (usage.prompt_tokens or 0) - (cached or 0) - (written or 0)),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.completion_tokens or 0,
    }
    if usage.reasoning_tokens is not None:
        record["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return record


def text_block(text: str) -> Record:
    return {"type": "text", "text": text}


def thinking_block(text: str, signature: str = "") -> Record:
    """Thoughts. Those of other models have no signature, or one by which we know them again."""
    return {"type": "thinking", "thinking": text, "signature": signature}


def redacted_block(data: str) -> Record:
    return {"type": "redacted_thinking", "data": data}


def tool_use_block(call_id: str, name: str, arguments: bytes = b"{}") -> Record:
    """A call; `arguments` is the text of a JSON object. Its client may take it to Anthropic's own servers."""
    return {"type": "tool_use", "id": legal_id(call_id), "name": name, "input": orjson.Fragment(arguments)}


def state_word(opaque: str, origin: str, *, redacted: bool = False) -> str:
    """Opaque state as clients keep it. Claude's stays as it is: they may take it to Anthropic's own servers."""
    return opaque if origin == ANTHROPIC else opaque_word(opaque, origin, redacted=redacted)
