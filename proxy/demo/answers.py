"""Answers in OpenAI's shapes: whole objects and the chunks of streams. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.demo.tokens import Answer, Segment

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """What all records of one answer share."""

    id: str
    created: int
    model: str


def chat_body(answer: Answer, head: Head, prompt_tokens: int, *, logprobs: bool) -> Record:
    """A whole `chat.completion`."""
    message: Record = {"role": "assistant", "content": answer.text("content") or None}
    if reasoning := answer.text("reasoning"):
        message["reasoning_content"] = reasoning
    if calls := [_call(head, at, segment) for at, segment in enumerate(_calls(answer))]:
        message["tool_calls"] = calls
    content = [token for segment in answer.segments if segment.kind == "content" for token in segment.tokens]
    choice = {"index": 0, "message": message, "logprobs": _logprobs(content) if logprobs else None, "finish_reason": answer.finish_reason}
    return _record(head, "chat.completion", [choice], usage=usage(answer, prompt_tokens))


def chat_chunks(answer: Answer, head: Head, prompt_tokens: int, *, logprobs: bool, include_usage: bool) -> Iterator[Record]:
    """The `chat.completion.chunk`s of the same answer, one per token."""
    extra = {"usage": None} if include_usage else {}

    def chunk(delta: Record, finish_reason: str | None = None, token: str | None = None) -> Record:
        choice = {"index": 0, "delta": delta, "logprobs": _logprobs([token]) if logprobs and token is not None else None}
        return _record(head, "chat.completion.chunk", [{**choice, "finish_reason": finish_reason}], **extra)

    yield chunk({"role": "assistant", "content": ""})
    for segment in answer.segments:
        if segment.kind == "content":
            yield from (chunk({"content": token}, token=token) for token in segment.tokens)
        elif segment.kind == "reasoning":
            yield from (chunk({"reasoning_content": token}) for token in segment.tokens)
    for at, segment in enumerate(_calls(answer)):
        yield chunk({"tool_calls": [{"index": at, **_call(head, at, segment, arguments="")}]})
        for token in segment.tokens:
            yield chunk({"tool_calls": [{"index": at, "function": {"arguments": token}}]})
    yield chunk({}, answer.finish_reason)
    if include_usage:
        yield _record(head, "chat.completion.chunk", [], usage=usage(answer, prompt_tokens))


def completion_body(answers: Sequence[Answer], head: Head, prompt_tokens: int, *, logprobs: bool) -> Record:
    """A whole `text_completion`: one choice per prompt."""
    choices = [
        _completion_choice(at, answer.text("content"), _content(answer), logprobs, answer.finish_reason)
        for at, answer in enumerate(answers)
    ]
    return _record(head, "text_completion", choices, usage=_counts(prompt_tokens, sum(answer.count() for answer in answers)))


def completion_chunks(
    answers: Sequence[Answer], head: Head, prompt_tokens: int, *, logprobs: bool, include_usage: bool
) -> Iterator[Record]:
    """The chunks of the same answers, one per token, prompt after prompt."""
    extra = {"usage": None} if include_usage else {}
    for at, answer in enumerate(answers):
        for token in _content(answer):
            yield _record(head, "text_completion", [_completion_choice(at, token, [token], logprobs, None)], **extra)
        yield _record(head, "text_completion", [_completion_choice(at, "", [], False, answer.finish_reason)], **extra)
    if include_usage:
        yield _record(head, "text_completion", [], usage=_counts(prompt_tokens, sum(answer.count() for answer in answers)))


def usage(answer: Answer, prompt_tokens: int) -> Record:
    """The counts of a chat answer; thoughts count as completion, as they do at OpenAI."""
    counts = _counts(prompt_tokens, answer.count())
    if thought := answer.count("reasoning"):
        counts["completion_tokens_details"] = {"reasoning_tokens": thought}
    return counts


def _counts(prompt_tokens: int, completion_tokens: int) -> Record:
    return {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": prompt_tokens + completion_tokens}


def _record(head: Head, kind: str, choices: list[Record], **extra: Any) -> Record:
    return {"id": head.id, "object": kind, "created": head.created, "model": head.model, "choices": choices, **extra}


def _completion_choice(at: int, text: str, tokens: Sequence[str], logprobs: bool, finish_reason: str | None) -> Record:
    spoken = (
        {"tokens": list(tokens), "token_logprobs": [0.0] * len(tokens), "top_logprobs": None, "text_offset": _offsets(tokens)}
        if logprobs
        else None
    )
    return {"index": at, "text": text, "logprobs": spoken, "finish_reason": finish_reason}


def _offsets(tokens: Sequence[str]) -> list[int]:
    return [len("".join(tokens[:at])) for at in range(len(tokens))]


def _content(answer: Answer) -> list[str]:
    return [token for segment in answer.segments if segment.kind == "content" for token in segment.tokens]


def _calls(answer: Answer) -> list[Segment]:
    return [segment for segment in answer.segments if segment.kind == "call"]


def _call(head: Head, at: int, segment: Segment, arguments: str | None = None) -> Record:
    text = "".join(segment.tokens) if arguments is None else arguments
    return {"id": f"call_{head.id[-16:]}{at}", "type": "function", "function": {"name": segment.name, "arguments": text}}


def _logprobs(tokens: Sequence[str]) -> Record:
    """A script is certain of each token: probability 1, and no other candidate."""
    told = [{"token": token, "logprob": 0.0, "bytes": list(token.encode())} for token in tokens]
    return {"content": [{**one, "top_logprobs": [one]} for one in told], "refusal": None}
