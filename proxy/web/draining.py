"""Whether this gateway is about to stop. The gunicorn master says it, to all of its workers at once: in memory that they share with it.

Where no such master is, nobody ever says so. The master imports this: nothing here may import more than that takes.
"""

from __future__ import annotations

import mmap

_SERVES, _DRAINS, _ENDS = range(3)

# Shared by all who are forked after this is imported.
_stage = mmap.mmap(-1, 1)


def begin() -> None:
    """From now on the gateway is not to be given work, although it does all that comes."""
    _stage[0] = max(_stage[0], _DRAINS)


def end() -> None:
    """From now on nothing new comes in, and what is under way must be finished within the graceful timeout."""
    _stage[0] = _ENDS


def has_begun() -> bool:
    """Whether the gateway is about to stop."""
    return _stage[0] != _SERVES


def has_ended() -> bool:
    """Whether workers are to stop now."""
    return _stage[0] == _ENDS
