"""The canned answers, in OpenAI's words, as files that a web server can hand out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from benchmarks.checks import CHAT_TEXT, CHAT_TOKENS, CITY, MODEL, PROMPT_TOKENS, STREAM_TOKENS, TOOL_NAME, VECTORS

LONG_RECORDS_KIB = (256, 1024)
MODEL_COUNTS = (1, 20, 200)
_HEAD = {"id": "chatcmpl-BenchmarkAnswer0000000000", "created": 1_760_000_000, "model": MODEL, "system_fingerprint": "fp_benchmark"}


def answers() -> Mapping[str, bytes]:
    """The name of each file, and what is in it. Names end in `.json` or `.sse`, which says their content type."""
    return {
        "chat.json": completion({"role": "assistant", "content": CHAT_TEXT, "refusal": None}, "stop"),
        "tools.json": completion({"role": "assistant", "content": None, "tool_calls": [_tool_call()]}, "tool_calls"),
        "stream.sse": _stream(STREAM_TOKENS),
        "embeddings.json": _vectors(),
        **{f"models-{count}.json": _models(count) for count in MODEL_COUNTS},
        **{f"record-{kibibytes}.sse": _stream(["long " * (kibibytes * 1024 // 5 + 1)]) for kibibytes in LONG_RECORDS_KIB},
    }


def places() -> Mapping[str, tuple[str, str]]:
    """The places at which an upstream can be asked: its answer to a chat, and its list of models, as names of files."""
    return {
        "chat": ("chat.json", "models-1.json"),
        "tools": ("tools.json", "models-1.json"),
        "stream": ("stream.sse", "models-1.json"),
        **{f"models-{count}": ("chat.json", f"models-{count}.json") for count in MODEL_COUNTS},
        **{f"record-{kibibytes}": (f"record-{kibibytes}.sse", "models-1.json") for kibibytes in LONG_RECORDS_KIB},
    }


def chunk(delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
    """One record of a stream."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _sse({**_HEAD, "object": "chat.completion.chunk", "choices": [choice], "usage": None})


def end_of_stream(tokens: int) -> bytes:
    """The records that end a stream, and its last mark."""
    usage = {**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _usage(tokens)}
    return chunk({}, "stop") + _sse(usage) + b"data: [DONE]\n\n"


def _stream(tokens: Iterable[str]) -> bytes:
    deltas = [{"content": token} for token in tokens]
    first = {"role": "assistant", **deltas[0]}
    return b"".join([chunk(first), *map(chunk, deltas[1:]), end_of_stream(len(deltas))])


def completion(message: Mapping[str, Any], finish_reason: str) -> bytes:
    """An answer that is given whole."""
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    return orjson.dumps({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _usage(CHAT_TOKENS)})


def _tool_call() -> Mapping[str, Any]:
    return {"id": "call_Benchmark000000000000", "type": "function", "function": {"name": TOOL_NAME, "arguments": f'{{"city":"{CITY}"}}'}}


def _vectors() -> bytes:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(VECTORS)]
    return orjson.dumps({"object": "list", "data": data, "model": MODEL, "usage": {"prompt_tokens": 9, "total_tokens": 9}})


def _models(count: int) -> bytes:
    names = [MODEL, *(f"{MODEL}-variant-{number:03d}" for number in range(1, count))]
    return orjson.dumps(
        {"object": "list", "data": [{"id": name, "object": "model", "created": 1_760_000_000, "owned_by": "us"} for name in names]}
    )


def _usage(tokens: int) -> Mapping[str, int]:
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": tokens, "total_tokens": PROMPT_TOKENS + tokens}


def _sse(payload: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(payload) + b"\n\n"
