"""Numbers of tokens, seconds and the like, as servers tell them -> whole numbers. Pure."""

from __future__ import annotations

from typing import Final

_BEYOND: Final = 2**53
"""Where numbers begin that not every reader of JSON holds exactly. Sums of a few smaller ones fit in 64 bits, all that is written."""


def whole_count(value: object) -> int | None:
    """The count that `value` tells, be it a number or text; `None` for what is none, or more than anything here can be."""
    if type(value) is str:
        try:
            value = float(value)
        except ValueError:
            return None
    return int(value) if (type(value) is int or type(value) is float) and 0 <= value < _BEYOND else None
