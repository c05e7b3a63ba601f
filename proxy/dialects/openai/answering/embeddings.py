"""OpenAI's answer to `/v1/embeddings`. Pure."""

from __future__ import annotations

from array import array
from base64 import b64encode
from collections.abc import Sequence
from sys import byteorder

import orjson

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.dialect import Stopwatch
from proxy.dialects.openai.asking.wishes import AskedEmbeddings


def render_embeddings(result: EmbeddingsResult, request: EmbeddingsRequest, stopwatch: Stopwatch) -> bytes:
    """One vector per text, in their order: numbers, or single floats in base64 where the client asked for those.

    The counts must be there, typed clients insist; 0 where the upstream does not count (Gemini).
    """
    as_base64 = isinstance(request, AskedEmbeddings) and request.encoding == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if as_base64 else vector}
        for index, vector in enumerate(result.vectors)
    ]
    tokens = result.prompt_tokens or 0
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    model = result.stand_in or request.model
    return orjson.dumps({"object": "list", "data": data, "model": model, "usage": usage}, default=list)


def _base64(vector: Sequence[float]) -> str:
    floats = array("f", vector)
    if byteorder == "big":
        floats.byteswap()
    return b64encode(floats.tobytes()).decode()
