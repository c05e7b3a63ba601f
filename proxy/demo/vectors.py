"""Embeddings without a model: words and pieces of words are hashed into places of the vector, so texts with common words are near."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from hashlib import blake2b

DEFAULT_DIMENSIONS = 256
MAX_DIMENSIONS = 2048
_WORD = re.compile(r"\w+")


def embed(text: str, dimensions: int = DEFAULT_DIMENSIONS) -> list[float]:
    """The unit-length vector of the text; the same text gives the same vector in every process."""
    vector = [0.0] * dimensions
    for feature, weight in _features(text):
        # Four places each, so that two features seldom meet in all of them.
        for half_word in struct.unpack("<4H", blake2b(feature.encode(), digest_size=8).digest()):
            vector[(half_word >> 1) % dimensions] += weight if half_word & 1 else -weight
    length = math.hypot(*vector)
    if length == 0.0:
        # Features that cancel each other out leave no direction; any fixed one will do.
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / length for value in vector]


def _features(text: str) -> Iterator[tuple[str, float]]:
    """Words weigh most; their trigrams bring inflected forms near; the weak constant gives a text without words a direction."""
    yield "", 0.1
    for word in dict.fromkeys(_WORD.findall(text.lower())):
        yield word, 1.0
        framed = f"<{word}>"
        for start in range(len(framed) - 2):
            yield framed[start : start + 3], 0.3
