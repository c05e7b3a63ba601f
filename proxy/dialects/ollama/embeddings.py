"""Reads requests to `/api/embed` and to its older form `/api/embeddings`. Pure."""

from __future__ import annotations

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.dialect import Payload
from proxy.dialects.ollama.naming import asked_model, required_model
from proxy.dialects.ollama.options import read_options
from proxy.dialects.ollama.schemas import EMBED, EMBEDDINGS
from proxy.errors import InvalidRequest


def parse_embed(payload: Payload) -> EmbeddingsRequest:
    """The texts to embed; none when `input` is empty or absent, which is answered without an upstream.

    Raises `InvalidRequest`, with status 404 when no model is named.
    """
    row = EMBED.read(payload)
    model = asked_model(row)
    if not model:
        # Not `ModelNotFound`: for a model with a name this endpoint has another sentence ("try pulling it first"), for none this one.
        raise InvalidRequest("model '' not found", status=404, param="model")
    inputs = _texts(row.get("input"))
    read_options(row)
    dimensions = row.get("dimensions", 0)
    return EmbeddingsRequest(model, inputs, dimensions if dimensions > 0 else None, truncate=row.get("truncate", True))


def parse_embeddings(payload: Payload) -> EmbeddingsRequest:
    """The one text to embed, or none when `prompt` is empty; its vector is not normalised. Raises `InvalidRequest`."""
    row = EMBEDDINGS.read(payload)
    model = required_model(row)
    read_options(row)
    return EmbeddingsRequest(model, _texts(row.get("prompt")), normalize=False)


def _texts(given: object) -> tuple[str, ...]:
    """One text or a list of them. An empty text alone is nothing to embed; in a list it is a text like any other."""
    match given:
        case None | "":
            return ()
        case str():
            return (given,)
        case list() if all(isinstance(item, str) for item in given):
            return tuple(given)
    raise InvalidRequest("invalid input type", param="input")
