"""Ollama's error records: one string under `error`, never an object, never a second key (clients throw on anything else). Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import orjson

from proxy.dialects.ollama.names import normalized_name
from proxy.errors import ModelNotFound, ProxyError
from proxy.wire.ndjson import line_safe

Sentence = Callable[[str], str]

# Clients know a full queue by Ollama's own sentence, with its two spaces (`ErrMaxQueue` in server/sched.go).
_WORDS = {"overloaded": "server busy, please try again.  maximum pending requests exceeded"}


def not_found(model: str) -> str:
    """The sentence of chat, generate and delete."""
    return f"model '{model}' not found"


def not_found_try_pulling(model: str) -> str:
    """The sentence of embed and embeddings."""
    return f'model "{model}" not found, try pulling it first'


def not_found_normalized(model: str) -> str:
    """The sentence of show."""
    return f"model '{normalized_name(model)}' not found"


def not_found_quoted(model: str) -> str:
    """The sentence of copy."""
    return f'model "{model}" not found'


def render_error(error: ProxyError, *, missing: Sentence = not_found) -> bytes:
    """The body of an error answer.

    Args:
        missing: the endpoint's sentence for a model that nobody has; clients look for its words.
    """
    if isinstance(error, ModelNotFound):
        text = missing(error.model) + (f"; {error.why}" if error.why else "")
    else:
        text = _WORDS.get(error.kind, error.message)
    return line_safe(orjson.dumps({"error": text}))


render_embed_error = partial(render_error, missing=not_found_try_pulling)
render_show_error = partial(render_error, missing=not_found_normalized)
render_copy_error = partial(render_error, missing=not_found_quoted)


def error_line(error: ProxyError) -> bytes:
    """The last line of a stream that failed."""
    return render_error(error) + b"\n"
