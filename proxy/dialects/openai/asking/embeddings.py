"""Reads requests to `/v1/embeddings`. Pure."""

from __future__ import annotations

from typing import Literal

from proxy.dialect import Payload
from proxy.dialects.openai.asking.row import Row, missing, unsupported, wrong_type, wrong_value
from proxy.dialects.openai.asking.wishes import AskedEmbeddings
from proxy.errors import InvalidRequest

_ENCODINGS: dict[str, Literal["float", "base64"]] = {"float": "float", "base64": "base64"}


def parse_embeddings(payload: Payload) -> AskedEmbeddings:
    """The texts to embed. One that is too long is an error, as with OpenAI; vectors have length 1, as OpenAI's. Raises `InvalidRequest`."""
    row = Row(payload)
    encoding = row.text("encoding_format") or "float"
    if encoding.lower() not in _ENCODINGS:
        raise wrong_value("encoding_format", encoding, _ENCODINGS)
    return AskedEmbeddings(
        row.required_text("model"),
        _inputs(row.get("input")),
        row.integer("dimensions", 1),
        truncate=False,
        normalize=True,
        encoding=_ENCODINGS[encoding.lower()],
    )


def _inputs(given: object) -> tuple[str, ...]:
    if given is None:
        raise missing("input")
    inputs = given if isinstance(given, list) else [given]
    if any(type(item) is int or type(item) is list for item in inputs):
        raise unsupported("input", "must be a string or an array of strings: numbers of tokens are not known to this model")
    for item in inputs:
        if type(item) is not str:
            raise wrong_type("input", "a string or an array of strings", item)
    if not inputs or not all(inputs):
        raise InvalidRequest("Invalid 'input': it must hold a text, and no text may be empty.", param="input", code="invalid_value")
    return tuple(inputs)
