"""Ollama's endpoints for models that are on Ollama servers: the client's own bytes out, the server's own bytes back. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from proxy.dialect import MAX_VECTORS_BYTES, Payload, RelayEndpoint
from proxy.dialects.ollama.affinity import chat_key, generate_key, no_key
from proxy.dialects.ollama.failures import render_embed_error, render_error
from proxy.dialects.ollama.ingress import NDJSON
from proxy.dialects.ollama.names import are_same
from proxy.dialects.ollama.relay import CHAT_KEEP_ALIVE, GENERATE_KEEP_ALIVE, LineRelay, begins, usage_of
from proxy.wire.messages import Purpose
from proxy.wire.refusals import misfit_without, refusal_in_whole

_ANSWER_HEADERS: Final = ("retry-after",)
_refusal_in: Final = partial(refusal_in_whole, answers=("message", "response", "embeddings", "embedding"))
_misfit_in: Final = partial(misfit_without, names=(b'"message"', b'"response"', b'"done"', b'"embedding'))


def key_of(payload: Payload, name: str) -> str:
    """The key of `payload` that Go reads as `name`: the exact one, else one in other case; `name` itself where there is none."""
    if payload.get(name) is not None:
        return name
    return next((key for key, value in payload.items() if value is not None and key.casefold() == name), name)


def value_of(payload: Payload, name: str) -> object:
    """What Go reads as `name`; `None` for nothing."""
    return payload.get(key_of(payload, name))


def model_key(payload: Payload) -> str:
    """Under which key the model stands."""
    return key_of(payload, "model")


def _wants_stream(asked: str, payload: Payload) -> bool:
    """Whether the answer is a stream: it is, unless the client says no. A request that asks nothing only loads the model, or unloads it.

    Args:
        asked: what stands for the question.
    """
    return value_of(payload, "stream") is not False and bool(value_of(payload, asked))


def _of_no_stream(payload: Payload) -> bool:
    return False


def _text(name: str, asked: str, affinity_key: Callable[[Payload, str], bytes], keep_alive: bytes) -> RelayEndpoint:
    return RelayEndpoint(
        f"ollama.{name}",
        "ollama",
        f"/api/{name}",
        LineRelay,
        begins,
        keep_alive,
        usage_of,
        affinity_key,
        render_error,
        answer_headers=_ANSWER_HEADERS,
        model_key=model_key,
        same_model=are_same,
        wants_stream=partial(_wants_stream, asked),
        stream_type=NDJSON,
        refusal_in=_refusal_in,
        misfit_in=_misfit_in,
        echoes_model=True,
    )


def _vectors(name: str) -> RelayEndpoint:
    return RelayEndpoint(
        f"ollama.{name}",
        "ollama",
        f"/api/{name}",
        LineRelay,
        begins,
        b"",
        usage_of,
        no_key,
        render_embed_error,
        answer_headers=_ANSWER_HEADERS,
        model_key=model_key,
        same_model=are_same,
        wants_stream=_of_no_stream,
        stream_type=NDJSON,
        refusal_in=_refusal_in,
        misfit_in=_misfit_in,
        echoes_model=True,
        max_bytes=MAX_VECTORS_BYTES,
        purpose=Purpose.EXTRA,
    )


CHAT: Final = _text("chat", "messages", chat_key, CHAT_KEEP_ALIVE)
GENERATE: Final = _text("generate", "prompt", generate_key, GENERATE_KEEP_ALIVE)
EMBED: Final = _vectors("embed")
EMBEDDINGS: Final = _vectors("embeddings")
