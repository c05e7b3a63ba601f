"""How Go quotes text, and where its integers end: for sentences in Go's words. Pure.

Source: `strconv.Quote` of Go 1.24.
"""

from __future__ import annotations

INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
_SHOWN = 120
"""A client's value is quoted up to this many characters: an error is one readable line, whatever was sent."""

_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", "\\": r"\\", '"': r"\""}


def quoted(text: str) -> str:
    """`text` as `%q` prints it, cut when it is long."""
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return '"' + "".join(map(_escaped, shown)) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
