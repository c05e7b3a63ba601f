"""Vectors: how they are asked for and read. Pure.

Source: https://ai.google.dev/api/embeddings, `models.batchEmbedContents`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.canonical.vectors import fitted
from proxy.dialects.gemini.names import resource_of
from proxy.dialects.gemini.reading.refusals import refusal_in_answer
from proxy.dialects.gemini.reading.usage import read_usage
from proxy.errors import UpstreamBroken
from proxy.routing import Route
from proxy.wire.json_body import dumps
from proxy.wire.messages import Purpose, UpstreamCall

_NUMBERS: Final = frozenset({int, float})


def build_embeddings(request: EmbeddingsRequest, route: Route) -> UpstreamCall:
    """The call for vectors. Texts that are too long are shortened by the server, which cannot be told not to."""
    model = resource_of(route.upstream_model)
    wanted: dict[str, Any] = {"model": model}
    if request.dimensions is not None and route.profile.dimensions:
        wanted["outputDimensionality"] = request.dimensions
    body = {"requests": [wanted | {"content": {"parts": [{"text": text}]}} for text in request.inputs]}
    return UpstreamCall(f"/v1beta/{model}:batchEmbedContents", dumps(body), route.upstream_model, purpose=Purpose.EXTRA)


def read_embeddings(body: bytes, request: EmbeddingsRequest) -> EmbeddingsResult:
    """Vectors in the order of the inputs; cut to the dimensions asked for where the server did not, normalised where that was asked for.

    Raises:
        UpstreamRefused: the answer is an error, whatever its status.
        UpstreamBroken: they do not match the inputs, or are no vectors.
    """
    payload = _payload(body)
    items = payload.get("embeddings")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UpstreamBroken("the upstream's answer holds no embeddings")
    if len(items) != len(request.inputs):
        raise UpstreamBroken(f"the upstream sent {len(items)} embeddings for {len(request.inputs)} inputs")
    usage = read_usage(payload.get("usageMetadata"))
    return EmbeddingsResult(
        tuple(fitted(_vector(item.get("values")), request) for item in items), prompt_tokens=usage.prompt_tokens if usage else None
    )


def _payload(body: bytes) -> Mapping[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamBroken("the upstream's answer is no JSON") from error
    if isinstance(payload, list) and payload:
        payload = payload[0]
    if not isinstance(payload, dict):
        raise UpstreamBroken("the upstream's answer holds no embeddings")
    if payload.get("error"):
        raise refusal_in_answer(payload)
    return payload


def _vector(value: object) -> Sequence[float]:
    if not isinstance(value, list) or not value or not _NUMBERS.issuperset(map(type, value)):
        raise UpstreamBroken("the upstream sent an embedding that is no list of numbers")
    return value
