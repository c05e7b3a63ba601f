"""The answers of `/api/embed` and of its older form `/api/embeddings`. Pure."""

from __future__ import annotations

import orjson

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.dialect import Stopwatch
from proxy.dialects.ollama.records import Record
from proxy.wire.ndjson import line_safe


def render_embed(result: EmbeddingsResult, request: EmbeddingsRequest, stopwatch: Stopwatch) -> bytes:
    """One vector per text, in their order."""
    record: Record = {
        "model": request.model,
        "embeddings": result.vectors,
        "total_duration": max(2, stopwatch.elapsed_ns()),
        "load_duration": 1,
    }
    if result.prompt_tokens is not None:
        record["prompt_eval_count"] = result.prompt_tokens
    return line_safe(_dumps(record))


def render_embeddings(result: EmbeddingsResult, request: EmbeddingsRequest, stopwatch: Stopwatch) -> bytes:
    """The one vector, and no other key."""
    return _dumps({"embedding": result.vectors[0]})


def embed_nothing(request: EmbeddingsRequest, stopwatch: Stopwatch) -> bytes | None:
    """The answer when there is no text: Ollama only loads the model then."""
    return None if request.inputs else line_safe(_dumps({"model": request.model, "embeddings": []}))


def embeddings_of_nothing(request: EmbeddingsRequest, stopwatch: Stopwatch) -> bytes | None:
    """The answer of the older form when there is no text."""
    return None if request.inputs else b'{"embedding":[]}'


def _dumps(record: Record) -> bytes:
    # Vectors may be any sequence of floats, arrays too.
    return orjson.dumps(record, default=list)
