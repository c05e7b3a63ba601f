"""What is asked, in both dialects, and what every right answer to it must hold. Pure.

A workload names the place at the canned upstream that answers it. A `Question` has `mark`, text that stands near the end of each complete
answer, and `words`, how many numbered words it has: wrk looks for both in every answer, and for the length of the first one, which `check`
has read whole.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import orjson

from benchmarks import checks
from benchmarks.checks import CHAT_TEXT, CITY, MODEL, TOOL_NAME

Dialect = Literal["ollama", "openai"]
_SHORT_CHAT = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Why is the sky blue? Answer in one sentence."},
]
_OPTIONS = {"options": {"temperature": 0.7, "top_p": 0.9, "num_predict": 100}}
_SAMPLING = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 100}
_TOOL = {
    "type": "function",
    "function": {
        "name": TOOL_NAME,
        "description": "The weather in a city, now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city."}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


@dataclass(frozen=True, slots=True)
class Question:
    """One request. `check` raises `checks.WrongAnswer` for an answer's body that is not the whole truth."""

    path: str
    body: bytes
    mark: bytes
    check: Callable[[bytes], None]
    words: int = 0


@dataclass(frozen=True, slots=True)
class Workload:
    """`place` is where the canned upstream answers it, the first part of its path; `records` is how many records one answer has."""

    name: str
    place: str
    records: int
    questions: Mapping[Dialect, Question]


def chat(place: str = "chat", messages: list[dict[str, Any]] | None = None) -> Workload:
    """A chat that is answered whole."""
    payload = {"model": MODEL, "messages": messages or _SHORT_CHAT, "stream": False}
    mark = CHAT_TEXT.encode()
    questions: dict[Dialect, Question] = {
        "ollama": Question("/api/chat", orjson.dumps(payload | _OPTIONS), mark, checks.check_ollama_chat),
        "openai": Question("/v1/chat/completions", orjson.dumps(payload | _SAMPLING), mark, checks.check_openai_chat),
    }
    return Workload("chat", place, 1, questions)


def stream() -> Workload:
    """A chat whose answer is a stream of records, all at once."""
    payload = {"model": MODEL, "messages": _SHORT_CHAT, "stream": True}
    openai = payload | {"stream_options": {"include_usage": True}}
    questions: dict[Dialect, Question] = {
        "ollama": Question(
            "/api/chat",
            orjson.dumps(payload),
            _ollama_end(len(checks.STREAM_TOKENS)),
            checks.check_ollama_stream,
            len(checks.STREAM_TOKENS),
        ),
        "openai": Question(
            "/v1/chat/completions", orjson.dumps(openai), b"data: [DONE]", checks.check_openai_stream, len(checks.STREAM_TOKENS)
        ),
    }
    return Workload("stream", "stream", checks.STREAM_RECORDS, questions)


def tools() -> Workload:
    """A chat with a tool that the model calls."""
    payload = {"model": MODEL, "messages": _SHORT_CHAT, "tools": [_TOOL], "stream": False}
    body = orjson.dumps(payload)
    questions: dict[Dialect, Question] = {
        "ollama": Question("/api/chat", body, CITY.encode(), checks.check_ollama_tool_call),
        "openai": Question("/v1/chat/completions", body, CITY.encode(), checks.check_openai_tool_call),
    }
    return Workload("tools", "tools", 1, questions)


def embeddings() -> Workload:
    """Two texts, two vectors."""
    body = orjson.dumps({"model": MODEL, "input": ["The sky is blue.", "Grass is green."]})
    questions: dict[Dialect, Question] = {
        "ollama": Question("/api/embed", body, b"]]", checks.check_ollama_vectors),
        "openai": Question("/v1/embeddings", body, b'"usage"', checks.check_openai_vectors),
    }
    return Workload("embeddings", "chat", 1, questions)


def long_chat(messages: int) -> Workload:
    """A chat with a history of so many messages, each about as long as people write them."""
    turns = [
        {"role": ("user", "assistant")[number % 2], "content": f"This is message {number}. " + "word " * 30} for number in range(messages)
    ]
    return chat(messages=turns)


def picture_chat(body_bytes: int) -> Workload:
    """A chat with one picture, whose request is about `body_bytes` long in Ollama's dialect. The answer tells what of it arrived."""
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + random.Random(0).randbytes(body_bytes * 3 // 4)).decode()  # noqa: S311 - no secret
    asked = "What is in this picture?"
    ollama = {"model": MODEL, "messages": [{"role": "user", "content": asked, "images": [picture]}], "stream": False}
    parts = [{"type": "text", "text": asked}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}]
    openai = {"model": MODEL, "messages": [{"role": "user", "content": parts}], "stream": False}
    seen = checks.digest(picture)
    questions: dict[Dialect, Question] = {
        "ollama": Question("/api/chat", orjson.dumps(ollama), seen.encode(), partial(checks.check_ollama_text, text=seen)),
        "openai": Question("/v1/chat/completions", orjson.dumps(openai), seen.encode(), partial(checks.check_openai_text, text=seen)),
    }
    return Workload("picture", "digest", 1, questions)


def long_record(kibibytes: int) -> Workload:
    """A stream whose answer is one long record."""
    check = partial(checks.check_length, least_bytes=kibibytes * 1024)
    return Workload("long record", f"record-{kibibytes}", 1, _streamed(1, {"ollama": check, "openai": check}))


def paced(tokens: int, interval_ms: int) -> Workload:
    """A stream from the paced upstream, whose tokens are stamps."""
    return _stamped(f"paced/{tokens}/{interval_ms}", tokens)


def held() -> Workload:
    """A stream from the paced upstream that says nothing between its two tokens until it is told to."""
    return _stamped("held", 2)


def _stamped(place: str, tokens: int) -> Workload:
    checks_of: Mapping[Dialect, Callable[[bytes], None]] = {
        "ollama": partial(checks.check_ollama_paced, tokens=tokens),
        "openai": partial(checks.check_openai_paced, tokens=tokens),
    }
    return Workload("paced", place, tokens, _streamed(tokens, checks_of))


def _streamed(tokens: int, checks_of: Mapping[Dialect, Callable[[bytes], None]]) -> dict[Dialect, Question]:
    """What is asked for other streams than the usual one: their ends tell other numbers, and they have no numbered words."""
    asked = stream().questions
    return {
        "ollama": replace(asked["ollama"], mark=_ollama_end(tokens), check=checks_of["ollama"], words=0),
        "openai": replace(asked["openai"], check=checks_of["openai"], words=0),
    }


def _ollama_end(tokens: int) -> bytes:
    """What stands in the last line of a stream of so many tokens."""
    return b'"eval_count":%d,' % tokens
