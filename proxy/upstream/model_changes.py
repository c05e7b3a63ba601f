"""`ModelChanges`: when a server was last told to have other models, in memory that all workers of a gunicorn master share.

A worker whose list was asked for before that moment knows by it that the list is old. The master imports this: nothing here may import more
than that takes.
"""

from __future__ import annotations

import mmap
from array import array
from collections.abc import MutableSequence
from zlib import crc32

# Two servers in one place cost each other a question.
_PLACES = mmap.PAGESIZE // 8

# Shared by all who are forked after this is imported. Seconds by the monotonic clock, which all processes of a machine have in common.
_moments = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("d")


class ModelChanges:
    """Those of one server.

    Args:
        place: one number, which others may have too.
    """

    __slots__ = ("_place",)

    def __init__(self, place: MutableSequence[float] | memoryview[float]) -> None:
        self._place = place

    @property
    def last_s(self) -> float:
        """When the server got other models, as far as the gateway knows; 0 when it never did."""
        return self._place[0]

    def note(self, now_s: float) -> None:
        """Says that it has other models than before."""
        self._place[0] = max(self._place[0], now_s)  # Somebody else may have been faster with a later moment.


def changes_seen_here() -> ModelChanges:
    """Those of a server of which nobody tells this process."""
    return ModelChanges(array("d", [0.0]))


def changes_of(server: str) -> ModelChanges:
    """Those of the server of that name, for all who share this memory."""
    place = crc32(server.encode()) % _PLACES
    return ModelChanges(_moments[place : place + 1])
