"""Vectors as the client wants them, whatever the upstream could be told. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.errors import UpstreamBroken

# Servers send what they computed in single precision; what is as near to length 1 as this is a unit vector.
_UNIT = 1e-5


def fitted(vector: Sequence[float], request: EmbeddingsRequest) -> Sequence[float]:
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
