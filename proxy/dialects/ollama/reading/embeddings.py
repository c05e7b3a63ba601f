"""Vectors as Ollama sends them. Pure."""

from __future__ import annotations

import orjson

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.canonical.vectors import fitted
from proxy.dialects.ollama.reading.refusals import refusal_in_answer
from proxy.errors import UpstreamBroken

_NUMBERS = frozenset({int, float})


def read_embeddings(body: bytes, request: EmbeddingsRequest) -> EmbeddingsResult:
    """Vectors in the order of the inputs; cut to the dimensions asked for where the server did not.

    Raises:
        UpstreamRefused: the answer is an error, whatever its status.
        UpstreamBroken: they do not match the inputs, or are no vectors.
    """
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamBroken("the upstream's answer is no JSON") from error
    if isinstance(payload, dict) and payload.get("error"):
        raise refusal_in_answer(payload)
    vectors = payload.get("embeddings") if isinstance(payload, dict) else None
    if not isinstance(vectors, list):
        raise UpstreamBroken("the upstream's answer holds no embeddings")
    if len(vectors) != len(request.inputs):
        raise UpstreamBroken(f"the upstream sent {len(vectors)} embeddings for {len(request.inputs)} inputs")
    if not all(isinstance(vector, list) and vector and _NUMBERS.issuperset(map(type, vector)) for vector in vectors):
        raise UpstreamBroken("the upstream sent an embedding that is no list of numbers")
    count = payload.get("prompt_eval_count")
    return EmbeddingsResult(tuple(fitted(vector, request) for vector in vectors), prompt_tokens=count if type(count) is int else None)
