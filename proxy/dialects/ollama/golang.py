"""How Go's JSON decoder reads values and what it says of those that do not fit. Pure.

Ollama's clients see the decoder's sentences in `error`; some look for parts of them.
Source: `encoding/json/decode.go` of Go 1.24.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any


def kind(value: object) -> str:
    """The decoder's word for a JSON value; of numbers that are no 64-bit integers it shows the value too."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return "number"


def cannot_unmarshal(value_kind: str, where: str, go_type: str) -> str:
    """The decoder's complaint about a field; `where` is `Struct.path.to.field`."""
    return f"json: cannot unmarshal {value_kind} into Go struct field {where} of type {go_type}"


def cannot_unmarshal_whole(value: object, go_type: str) -> str:
    """The decoder's complaint about a body that is no object."""
    return f"json: cannot unmarshal {kind(value)} into Go value of type {go_type}"


def present(raw: Mapping[str, Any], known: Container[str]) -> dict[str, Any]:
    """What `raw` says of the `known` keys: `null` is absence, keys match in any case, and an exact match wins."""
    found: dict[str, Any] = {}
    for key, value in raw.items():
        if value is None:
            continue
        if key in known:
            found[key] = value
        elif (folded := key.casefold()) in known and raw.get(folded) is None:
            found[folded] = value
    return found
