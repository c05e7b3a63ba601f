"""JSON that is not quite JSON, as Python and JavaScript servers write it. Pure.

Three things stand in real streams that strict readers refuse: `NaN` and `-Infinity` (Python's `json.dumps` on log probabilities), bytes
that are no UTF-8, and halves of a surrogate pair (JavaScript cuts text between the two). This reader is slow and is asked only when the
strict one refused.
"""

from __future__ import annotations

import json
import math
from typing import Any

from proxy.wire.deep_json import TooDeep
from proxy.wire.exact_json import finite

# Fields whose values are pieces of one longer text, so that the second half of a character may come with the next record.
_STREAMED = frozenset({"content", "text", "reasoning", "reasoning_content", "refusal", "arguments"})


class LenientJson:
    """Reads the records of one stream.

    Args:
        has_arguments: whether arguments of calls stand in them as values: then numbers are what they are, or the record can't be read.
    """

    __slots__ = ("_halves", "_has_arguments")

    def __init__(self, *, has_arguments: bool = False) -> None:
        self._halves: dict[str, str] = {}
        self._has_arguments = has_arguments

    def read(self, text: bytes) -> Any:
        """The value; what is no number is `None`, what is no character is U+FFFD.

        Raises:
            ValueError: the text is no JSON by any reading, or too much, as `is_too_much` tells.
        """
        try:
            return json.loads(
                text.decode("utf-8", "replace"),
                object_hook=self._mended,
                parse_constant=_no_number,
                parse_float=finite if self._has_arguments else _number,
                parse_int=int if self._has_arguments else _integer,
            )
        except RecursionError as error:
            raise TooDeep from error

    def _mended(self, record: dict[str, Any]) -> dict[str, Any]:
        return {_whole(key): self._value(key, value) for key, value in record.items()}

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [_whole(item) if isinstance(item, str) else item for item in value]
        if not isinstance(value, str):
            return value
        if key not in _STREAMED:
            return _whole(value)
        text = self._halves.pop(key, "") + value
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._halves[key] = text[-1]
            text = text[:-1]
        return _whole(text)


def is_cut(error: BaseException | None) -> bool:
    """Whether a text could not be read because it ended too soon: what stands there is half of something."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= len(error.doc.rstrip())


def _whole(text: str) -> str:
    """`text` with surrogate pairs joined and lone halves replaced."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _no_number(_constant: str) -> None:
    return None


def _integer(digits: str) -> int | float | None:
    """An integer that strict writers can write again."""
    return int(digits) if len(digits) < 19 else _number(digits)


def _number(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None
