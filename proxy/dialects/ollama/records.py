"""The records of Ollama's answers: their fields, and the bytes around the text of a line. When a line is written is not known here. Pure.

No record ever has a `null`: zero-valued fields are left out, as Go does it, because typed clients (zod, C#) refuse nulls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from proxy.canonical.completion import FinishReason, Usage
from proxy.canonical.logprobs import told_token

Record = dict[str, Any]

# Ollama has no word for calls: an answer that calls tools ends with "stop". "content_filter" has no native word either, and "stop" in its
# place would be made up; clients take any word here.
DONE_REASONS: Mapping[FinishReason, str] = {"stop": "stop", "length": "length", "tool_calls": "stop", "content_filter": "content_filter"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Where an endpoint puts what the model said.

    Attributes:
        content: the fields that hold a text and what comes with it (`thinking`, `tool_calls`), in a whole record.
        text, thinking, tool_call: in a line of a stream, the bytes before and after the one JSON value that the line carries, up to where
            more fields may stand.
    """

    content: Callable[[str, Record], Record]
    text: tuple[bytes, bytes]
    thinking: tuple[bytes, bytes]
    tool_call: tuple[bytes, bytes]


_NOT_DONE = b',"done":false'

CHAT = Shape(
    content=lambda text, more: {"message": {"role": "assistant", "content": text, **more}},
    text=(b'"message":{"role":"assistant","content":', b"}" + _NOT_DONE),
    thinking=(b'"message":{"role":"assistant","content":"","thinking":', b"}" + _NOT_DONE),
    tool_call=(b'"message":{"role":"assistant","content":"","tool_calls":[', b"]}" + _NOT_DONE),
)
GENERATE = Shape(
    content=lambda text, more: {"response": text, **more},
    text=(b'"response":', _NOT_DONE),
    thinking=(b'"response":"","thinking":', _NOT_DONE),
    tool_call=(b'"response":"","tool_calls":[', b"]" + _NOT_DONE),
)


def created_at(time_ns: int) -> str:
    """RFC 3339 in UTC. Always nine digits of fraction: some clients choke on short ones (langchain4j before mid-2026)."""
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    return f"{_to_the_second(seconds)}.{fraction:09d}Z"


@lru_cache(maxsize=4)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def metrics(usage: Usage, total_ns: int, first_token_ns: int | None) -> Record:
    """The counts that are known, and the four durations: always there, at least 1, so that clients can divide by them.

    Args:
        first_token_ns: from the request to the first token; `None` where nobody saw it (whole answers), then all time goes to `eval`.
    """
    prompt_ns = max(1, (first_token_ns or 0) - 1)
    eval_ns = max(1, total_ns - prompt_ns - 1)
    record = {"total_duration": prompt_ns + eval_ns + 1, "load_duration": 1}
    if usage.prompt_tokens is not None:
        record["prompt_eval_count"] = usage.prompt_tokens
    record["prompt_eval_duration"] = prompt_ns
    if usage.completion_tokens is not None:
        record["eval_count"] = usage.completion_tokens
    record["eval_duration"] = eval_ns
    return record


def tool_call(call_id: str, index: int, name: str, arguments: bytes) -> Record:
    """One call. `id` always (Zed needs it), `index` inside `function`, no `type`."""
    return {"id": call_id, "function": {"index": index, "name": name, "arguments": orjson.Fragment(arguments)}}


def logprob_items(items: Sequence[Mapping[str, Any]], with_top: bool) -> list[Record]:
    """OpenAI's `logprobs.content` items in Ollama's words, which differ in what they leave out."""
    records = []
    for item in items:
        record = _logprob(item)
        if with_top:
            record["top_logprobs"] = [_logprob(other) for other in item.get("top_logprobs") or ()]
        records.append(record)
    return records


def _logprob(item: Mapping[str, Any]) -> Record:
    record: Record = told_token(item)
    if item.get("bytes"):
        record["bytes"] = item["bytes"]
    return record
