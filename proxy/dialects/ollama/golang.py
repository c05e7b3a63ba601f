"""How Go's JSON decoder reads values and what it says of those that do not fit. Pure.

Ollama's clients see the decoder's sentences in `error`; some look for parts of them.
Source: `encoding/json/decode.go` and `strconv.Quote` of Go 1.24.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
_SHOWN = 120
"""A client's value is quoted up to this many characters: an error is one readable line, whatever was sent."""

_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", "\\": r"\\", '"': r"\""}


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


def quoted(text: str) -> str:
    """`text` as `%q` prints it, cut when it is long."""
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return '"' + "".join(map(_escaped, shown)) + '"'


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


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
