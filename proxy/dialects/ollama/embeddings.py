"""Reads requests to `/api/embed` and to its older form `/api/embeddings`. Pure."""

from __future__ import annotations

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.dialect import Payload


def parse_embed(payload: Payload) -> EmbeddingsRequest:
    """The texts to embed; none when `input` is empty or absent, which is answered without an upstream.

    Raises `InvalidRequest`, and `ModelNotFound` when no model is named.
    """
    raise NotImplementedError


def parse_embeddings(payload: Payload) -> EmbeddingsRequest:
    """The one text to embed, or none when `prompt` is empty; its vector is not normalised. Raises `InvalidRequest`."""
    raise NotImplementedError
