"""The records of a response: the object itself, its items, and how it fails. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.canonical.completion import Usage
from proxy.canonical.events import PartClosed, PartKind, PartOpened
from proxy.canonical.opaque_words import opaque_word
from proxy.dialect import TextRequest
from proxy.dialects.openai.answering.records import extra_content
from proxy.dialects.openai.responses.asking import AskedResponse
from proxy.dialects.openai.responses.failures import response_error
from proxy.dialects.openai.responses.foreign_items import THOUGHT_ELSEWHERE
from proxy.dialects.openai.responses.tools import Spaced
from proxy.errors import ProxyError

Record = dict[str, Any]

ITEM_OF_PART: dict[PartKind, str] = {"text": "message", "refusal": "message", "reasoning": "reasoning", "tool_call": "function_call"}
_ID_PREFIXES = {"message": "msg_", "reasoning": THOUGHT_ELSEWHERE, "function_call": "fc_"}


def response_record(request: TextRequest, response_id: str, created_at: int, model: str) -> Record:
    """A response that has just begun. That it is not kept is said whatever the client wished: none is."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "previous_response_id": None,
        "store": False,
        "truncation": "disabled",
        "usage": None,
        **(request.repeated if isinstance(request, AskedResponse) else {}),
    }


def item_record(part: PartOpened, response_id: str, index: int, spaced: Mapping[str, Spaced]) -> Record:
    """The item that begins with `part`, as far as it is known by then. A function of a namespace is called by both its names."""
    kind = ITEM_OF_PART[part.kind]
    item: Record = {"id": _ID_PREFIXES[kind] + f"{response_id.removeprefix('resp_')}_{index}", "type": kind}
    if kind == "reasoning":
        return item | {"summary": []}
    item["status"] = "in_progress"
    if kind == "message":
        return item | {"role": "assistant", "content": []}
    names = spaced[part.name]._asdict() if part.name in spaced else {"name": part.name}
    return item | {"call_id": part.id, **names, "arguments": ""}


def text_record(text: str, logprobs: list[Record]) -> Record:
    """What was said."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def refusal_record(text: str) -> Record:
    """What was said instead of an answer."""
    return {"type": "refusal", "refusal": text}


def summary_record(text: str) -> Record:
    """What was thought. OpenAI's own models show no more than a summary, and clients look for it there."""
    return {"type": "summary_text", "text": text}


def state_of(closed: PartClosed, kind: PartKind) -> Record:
    """What must come back with a part, in the item's own member for it."""
    if kind == "reasoning" and closed.opaque:
        return {"encrypted_content": opaque_word(closed.opaque, closed.origin, redacted=closed.redacted)}
    return extra_content(closed) if kind == "tool_call" else {}


def usage_record(usage: Usage) -> Record | None:
    """The counts, `None` unless both are known. Typed clients insist on the details: 0 stands there for what the upstream does not tell."""
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if prompt is None or completion is None:
        return None
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0, "cache_write_tokens": usage.cache_write_tokens or 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": prompt + completion,
    }


def failed_error(error: ProxyError) -> Record:
    """The `error` of a response that failed, in one of the words that clients know."""
    code = "rate_limit_exceeded" if error.status == 429 else error.code if error.code == "context_length_exceeded" else "server_error"
    return {"code": code, "message": error.message}


def error_event(error: ProxyError, sequence_number: int, *, is_translated: bool = False) -> Record:
    """The event at which clients raise. Its members stand there twice: typed clients read them, and SDKs look for an `error`.

    Args:
        sequence_number: how many events came before it.
        is_translated: as with `error_object`.
    """
    told = response_error(error, is_translated=is_translated)
    return {
        "type": "error",
        "sequence_number": sequence_number,
        "code": told["code"],
        "message": told["message"],
        "param": told["param"],
        "error": told,
    }
