"""Vectors: how they are asked for and read, and how texts get shorter that the server finds too long. Pure."""

from __future__ import annotations

import base64
import binascii
import math
import re
from array import array
from collections.abc import Sequence
from dataclasses import replace
from sys import byteorder
from typing import Any, Final

import orjson

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.wire.json_body import dumps
from proxy.wire.refusals import refusal_in_answer
from proxy.errors import InvalidRequest, UpstreamBroken, UpstreamRefused
from proxy.routing import Route
from proxy.wire.messages import UpstreamCall

# Servers send what they computed in single precision; what is as near to length 1 as this is a unit vector.
_UNIT = 1e-5
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
    for name in profile.dropped & body.keys():
        del body[name]
    return UpstreamCall("/embeddings", dumps(body), route.upstream_model)


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
    vectors = tuple(_fitted(_vector(item.get("embedding")), request) for item in _in_order(items))
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


def _fitted(vector: Sequence[float], request: EmbeddingsRequest) -> Sequence[float]:
    """`vector` cut to the dimensions asked for, and with length 1 where it was cut or should have that."""
    cut = request.dimensions is not None and len(vector) > request.dimensions
    if cut:
        vector = vector[: request.dimensions]
    norm = _norm(vector)
    if not (cut or request.normalize) or abs(norm - 1) < _UNIT or norm == 0:
        return vector
    return [number / norm for number in vector]


def _norm(vector: Sequence[float]) -> float:
    norm = math.hypot(*vector)
    if not math.isfinite(norm):
        raise UpstreamBroken("the upstream sent an embedding with numbers that are not finite")
    return norm


def _prompt_tokens(usage: object) -> int | None:
    if not isinstance(usage, dict):
        return None
    counts = (usage.get("prompt_tokens"), usage.get("total_tokens"))
    return next((count for count in counts if type(count) is int and count >= 0), None)


_TOO_LONG: Final = re.compile(
    r"context[_ ](?:length|size|window)|too (?:long|large)|(?:maximum|max)\w*[_ ].{0,30}token|exceed\w* .{0,60}token"
    r"|must have less than \d+ tokens|token\w* .{0,40}exceed",
    re.IGNORECASE,
)
_LENGTH_STATUSES: Final = frozenset({400, 413, 422, 500})
# How many tokens there may be, and how many there were, in the words of OpenAI, vLLM, llama.cpp, TEI, NVIDIA and Mistral.
_LIMIT: Final = re.compile(
    r"(?:maximum (?:context length|allowed token size|input length|sequence length)(?: is| of)?|context (?:length|size)(?: is| of)?"
    r"|less than|exceeding max|batch size:|max(?:imum)?(?: of)?|limit(?: is| of)?)\D{0,12}(\d+)",
    re.IGNORECASE,
)
_GIVEN: Final = re.compile(r"(?:requested|given:?|input length|(?:input|request) \(|has|contains|you passed)\s*\(?(\d+)", re.IGNORECASE)
# A limit on all texts together, which shorter ones would not cure.
_OF_BATCH: Final = re.compile(r"tokens? per request|per batch|batch too large", re.IGNORECASE)
_CHARS_PER_TOKEN = 3
_MARGIN = 0.97


def shorten(request: EmbeddingsRequest, error: UpstreamRefused) -> EmbeddingsRequest | None:
    """A request with shorter texts after the upstream found one too long; `None` when that is not what the refusal says.

    The numbers in the refusal tell how much too long; without them the longest text loses half. The caller bounds the attempts.

    Raises:
        InvalidRequest: a text is too long, and the client does not want it shortened.
    """
    if not _is_about_length(error):
        return None
    if not request.truncate:
        raise InvalidRequest("the input length exceeds the context length", param="input", code="context_length_exceeded") from error
    longest = max(map(len, request.inputs))
    limit = _most_chars(longest, error.message)
    return replace(request, inputs=tuple(text[:limit] for text in request.inputs)) if longest > 1 else None


def _is_about_length(error: UpstreamRefused) -> bool:
    if error.code == "context_length_exceeded":
        return True
    words = error.message
    return error.upstream_status in _LENGTH_STATUSES and bool(_TOO_LONG.search(words)) and not _OF_BATCH.search(words)


def _most_chars(longest: int, words: str) -> int:
    """How many characters a text may keep, less than `longest`: as the tokens stand to each other, else by what a token is like."""
    limit, given = _LIMIT.search(words), _GIVEN.search(words)
    if limit and given and 0 < int(limit[1]) < int(given[1]):
        return max(1, int(longest * int(limit[1]) / int(given[1]) * _MARGIN))
    if limit and 0 < int(limit[1]) * _CHARS_PER_TOKEN < longest:
        return int(limit[1]) * _CHARS_PER_TOKEN
    return max(1, longest // 2)
