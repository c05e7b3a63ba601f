"""Vectors: how they are asked for and read. Pure."""

from __future__ import annotations

import base64
import binascii
from array import array
from collections.abc import Sequence
from sys import byteorder
from typing import Any

import orjson

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.canonical.vectors import fitted
from proxy.errors import UpstreamBroken
from proxy.routing import Route
from proxy.wire.json_body import dumps
from proxy.wire.messages import Purpose, UpstreamCall
from proxy.wire.refusals import refusal_in_answer

_NUMBERS = frozenset({int, float})
_NO_NUMBERS = "the upstream sent an embedding that is no list of numbers"


def build_embeddings(request: EmbeddingsRequest, route: Route) -> UpstreamCall:
    """The call for vectors."""
    profile = route.profile
    body: dict[str, Any] = {"model": route.upstream_model, "input": request.inputs, "encoding_format": "float", **profile.embeddings}
    if request.dimensions is not None and profile.dimensions:
        body["dimensions"] = request.dimensions
    if request.truncate:
        body |= profile.truncation
    for name in (profile.dropped | profile.unsaid) & body.keys():
        del body[name]
    return UpstreamCall("/embeddings", dumps(body), route.upstream_model, purpose=Purpose.EXTRA)


def read_embeddings(body: bytes, request: EmbeddingsRequest) -> EmbeddingsResult:
    """Vectors in the order of the inputs; cut to the dimensions asked for where the server did not, normalised where that was asked for.

    Raises:
        UpstreamRefused: the answer is an error, whatever its status.
        UpstreamBroken: they do not match the inputs, or are no vectors.
    """
    payload = _payload(body)
    items = payload.get("data")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UpstreamBroken("the upstream's answer holds no embeddings")
    if len(items) != len(request.inputs):
        raise UpstreamBroken(f"the upstream sent {len(items)} embeddings for {len(request.inputs)} inputs")
    vectors = tuple(fitted(_vector(item.get("embedding")), request) for item in _in_order(items))
    return EmbeddingsResult(vectors, prompt_tokens=_prompt_tokens(payload.get("usage")))


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamBroken("the upstream's answer is no JSON") from error
    if isinstance(payload, list) and payload:
        payload = payload[0]  # Gemini wraps its errors so
    if not isinstance(payload, dict):
        raise UpstreamBroken("the upstream's answer holds no embeddings")
    if payload.get("error") or payload.get("object") == "error":
        raise refusal_in_answer(payload)
    return payload


def _in_order(items: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The items by their `index`; as they came where the server gave none.

    Raises:
        UpstreamBroken: the indices are not 0, 1, 2 and so on.
    """
    indices = [item.get("index") for item in items]
    if indices == list(range(len(items))) or all(index is None for index in indices):
        return items
    by_index = {index: item for index, item in zip(indices, items, strict=True) if type(index) is int}
    try:
        return [by_index[index] for index in range(len(items))]
    except KeyError as error:
        raise UpstreamBroken(f"the upstream sent no embedding for input {error}") from error


def _vector(value: object) -> Sequence[float]:
    """The numbers, also when the server sends base64 although it was asked not to: little-endian single floats."""
    if isinstance(value, str):
        return _decoded(value)
    if not isinstance(value, list) or not value or not _NUMBERS.issuperset(map(type, value)):
        raise UpstreamBroken(_NO_NUMBERS)
    return value


def _decoded(text: str) -> Sequence[float]:
    vector = array("f")
    try:
        vector.frombytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise UpstreamBroken("the upstream sent an embedding that is no base64 of floats") from error
    if byteorder == "big":
        vector.byteswap()
    if not vector:
        raise UpstreamBroken("the upstream sent an empty embedding")
    return vector.tolist()


def _prompt_tokens(usage: object) -> int | None:
    if not isinstance(usage, dict):
        return None
    counts = (usage.get("prompt_tokens"), usage.get("total_tokens"))
    return next((count for count in counts if type(count) is int and count >= 0), None)
