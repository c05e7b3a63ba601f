"""The records of OpenAI's answers: what stands in them, whatever they are part of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from proxy.canonical.completion import FinishReason, Usage
from proxy.canonical.events import PartClosed
from proxy.canonical.logprobs import told_token
from proxy.canonical.opaque_words import opaque_word
from proxy.canonical.request import ChatRequest, ReasoningPart, ToolCallPart
from proxy.dialect import Stopwatch, TextRequest

Record = dict[str, Any]

_PREFIXES: Final = ("chatcmpl-", "cmpl-", "resp_")


def answer_id(given: str, prefix: str) -> str:
    """The id of an answer: the upstream's, behind the prefix by which clients know what kind of object it is, and behind no other."""
    return prefix + next((given.removeprefix(known) for known in _PREFIXES if given.startswith(known)), given)


def created_s(told: int, stopwatch: Stopwatch) -> int:
    """When the answer was made, in seconds: as the upstream told, else now."""
    return told or stopwatch.time_ns() // 1_000_000_000


def usage_record(usage: Usage) -> Record | None:
    """The counts, `None` unless both that every client reads are known; details only where they are."""
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if prompt is None or completion is None:
        return None
    record: Record = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    cached = {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens}
    known = {name: count for name, count in cached.items() if count is not None}
    if known:
        record["prompt_tokens_details"] = known
    if usage.reasoning_tokens is not None:
        record["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return record


def shown_reasoning(request: TextRequest) -> Literal["all", "state", "nothing"]:
    """What of the thoughts may be shown: nothing to those who said no to thinking, for some models think all the same; to those who hide
    them, what must come back.
    """
    if not isinstance(request, ChatRequest) or request.reasoning == "off":
        return "nothing"
    return "state" if request.hides_reasoning else "all"


def stop_record(finish_reason: FinishReason | str, stop_sequence: str) -> Record:
    """Why the model stopped, and on which sequence, under vLLM's name for that."""
    return {"finish_reason": finish_reason, "stop_reason": stop_sequence} if stop_sequence else {"finish_reason": finish_reason}


def thinking_block(text: str, state: ReasoningPart | PartClosed) -> Record | None:
    """The block in which thoughts that are signed come and go, as Anthropic has it and LiteLLM's clients know it; `None` for unsigned ones.

    The signature says whose it is: it may come back in a chat that goes to a server that is strict about what it does not know.
    """
    if not state.opaque:
        return None
    word = opaque_word(state.opaque, state.origin)
    if state.redacted:
        return {"type": "redacted_thinking", "data": word}
    return {"type": "thinking", "thinking": text, "signature": word}


def extra_content(state: ToolCallPart | PartClosed) -> Record:
    """The signature of a call, where Google's own OpenAI-style server has it, and whose it is.

    Source: https://ai.google.dev/gemini-api/docs/openai
    """
    if not state.opaque:
        return {}
    return {"extra_content": {"google": {"thought_signature": opaque_word(state.opaque, state.origin)}}}


def logprob_records(items: Iterable[Mapping[str, Any]], *, with_top: bool) -> list[Record]:
    """Canonical items with every member that OpenAI's have; alternatives only for those who asked for them."""
    return [{**_logprob(item), "top_logprobs": [_logprob(top) for top in _tops(item)] if with_top else []} for item in items]


def legacy_logprobs(items: Sequence[Mapping[str, Any]], text_offset: int, *, with_top: bool) -> Record:
    """The same for `/v1/completions`: a list for each member. `text_offset` is where the first token begins."""
    tokens: list[str] = []
    logprobs: list[float] = []
    tops: list[dict[str, float]] = []
    offsets: list[int] = []
    for item in map(_logprob, items):
        tokens.append(item["token"])
        logprobs.append(item["logprob"])
        offsets.append(text_offset)
        text_offset += len(item["token"])
    if with_top:
        tops = [{top["token"]: top["logprob"] for top in map(_logprob, _tops(item))} for item in items]
    return {"tokens": tokens, "token_logprobs": logprobs, "top_logprobs": tops or None, "text_offset": offsets}


def _tops(item: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return item.get("top_logprobs") or ()


def _logprob(item: Mapping[str, Any]) -> Record:
    return {**told_token(item), "bytes": item.get("bytes")}
