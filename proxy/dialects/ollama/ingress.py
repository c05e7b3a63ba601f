"""Ollama's endpoints as values: how each is read and answered. Pure."""

from __future__ import annotations

from proxy.dialect import EmbeddingsEndpoint, Stopwatch, TextEndpoint, TextRequest
from proxy.dialects.ollama.admission import admit_chat, admit_generate
from proxy.dialects.ollama.failures import render_embed_error, render_error
from proxy.dialects.ollama.parsing import load_reason, parse_chat, parse_embed, parse_embeddings, parse_generate
from proxy.dialects.ollama.rendering import (
    ChatStreamRenderer,
    GenerateStreamRenderer,
    render_chat,
    render_chat_loaded,
    render_generate,
    render_generate_loaded,
)
from proxy.dialects.ollama.vectors import embed_nothing, embeddings_of_nothing, render_embed, render_embeddings

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"


def load_chat(request: TextRequest, stopwatch: Stopwatch) -> bytes | None:
    """The answer to a chat that only loads or unloads the model, also where a stream was asked for."""
    reason = load_reason(request)
    return None if reason is None else render_chat_loaded(request, stopwatch, reason)


def load_generate(request: TextRequest, stopwatch: Stopwatch) -> bytes | None:
    """The answer to a generate that only loads or unloads the model."""
    reason = load_reason(request)
    return None if reason is None else render_generate_loaded(request, stopwatch, reason)


CHAT = TextEndpoint(
    name="ollama.chat",
    parse=parse_chat,
    answer_locally=load_chat,
    admit=admit_chat,
    stream_renderer=ChatStreamRenderer,
    render_completion=render_chat,
    render_error=render_error,
    stream_type=NDJSON,
    whole_type=JSON,
)
GENERATE = TextEndpoint(
    name="ollama.generate",
    parse=parse_generate,
    answer_locally=load_generate,
    admit=admit_generate,
    stream_renderer=GenerateStreamRenderer,
    render_completion=render_generate,
    render_error=render_error,
    stream_type=NDJSON,
    whole_type=JSON,
)
EMBED = EmbeddingsEndpoint(
    name="ollama.embed",
    parse=parse_embed,
    answer_locally=embed_nothing,
    render_result=render_embed,
    render_error=render_embed_error,
    whole_type=JSON,
)
EMBEDDINGS = EmbeddingsEndpoint(
    name="ollama.embeddings",
    parse=parse_embeddings,
    answer_locally=embeddings_of_nothing,
    render_result=render_embeddings,
    render_error=render_embed_error,
    whole_type=JSON,
)
