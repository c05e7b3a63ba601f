"""JSON with integers beyond 64 bits, which orjson reads as floats and does not write at all. Pure.

Such numbers stand in schemas (the limits of an unsigned 128-bit integer) and in arguments of tool calls (ids).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import orjson

from proxy.wire.deep_json import TooDeep, TooLarge

_DIGITS_TO_0 = bytes.maketrans(b"0123456789", b"0" * 10)
_LONG = b"0" * 19
# Texts are looked through in pieces: changed as a whole, one with a picture in it would take its memory once more.
_PIECE_BYTES = 256 * 1024


def has_long_numbers(text: bytes) -> bool:
    """Whether an integer beyond 64 bits may stand in `text`: whether it has 19 digits in a row."""
    starts = range(0, len(text), _PIECE_BYTES)
    return any(_LONG in text[start : start + _PIECE_BYTES + len(_LONG) - 1].translate(_DIGITS_TO_0) for start in starts)


def loads_exact(text: bytes) -> Any:
    """The value, integers digit by digit. Raises `ValueError` for what is no JSON or too much, as `is_too_much` tells."""
    try:
        return json.loads(text, parse_float=finite)
    except RecursionError as error:
        raise TooDeep from error


def finite(digits: str) -> float:
    """The number that JSON spells so. Raises `TooLarge`."""
    number = float(digits)
    if not math.isfinite(number):
        raise TooLarge
    return number


def dumps_exact(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """The JSON text, integers digit by digit. Raises `TypeError` as orjson does: half characters, a few hundred levels; and for
    what is no number beside integers that orjson can't write, where orjson alone writes `null`.

    Args:
        default: what orjson asks about values that JSON does not know. Beside integers that it can't write, their `str` stands for them.
    """
    try:
        return orjson.dumps(value, default)
    except orjson.JSONEncodeError as error:
        if "64-bit" not in str(error):
            raise

    def as_text(unknown: object) -> str:
        if default is None:
            raise TypeError(f"{type(unknown).__name__} has no JSON")
        default(unknown)  # It raises for what it does not know.
        return str(unknown)

    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=as_text).encode()
    except ValueError as error:
        raise TypeError(str(error)) from error
