"""`Slate`: what a gunicorn master and one of its workers tell each other, in memory that both see.

A signal can get lost in a worker that is just starting, says nothing but its number, and cannot be asked for later. A slate can.
"""

from __future__ import annotations

import mmap

_IS_READY, _RETIRES, _HAS_CLOSED, _IS_DISMISSED = range(4)


class Slate:
    """Made in the master, before the worker is forked. The worker writes all words but the last, which is the master's."""

    __slots__ = ("_memory",)

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 4)

    def serve(self) -> None:
        """The worker takes requests from now on."""
        self._memory[_IS_READY] = True

    def retire(self) -> None:
        """The worker serves on, but wants another one in its place."""
        self._memory[_RETIRES] = True

    def close(self) -> None:
        """The worker takes no connections any more."""
        self._memory[_HAS_CLOSED] = True

    def dismiss(self) -> None:
        """The worker is not needed any more: it takes no new connections, and leaves when those that it has are done, however long."""
        self._memory[_IS_DISMISSED] = True

    @property
    def is_ready(self) -> bool:
        """Whether the worker has begun to take requests."""
        return bool(self._memory[_IS_READY])

    @property
    def retires(self) -> bool:
        """Whether the worker wants a successor."""
        return bool(self._memory[_RETIRES])

    @property
    def has_closed(self) -> bool:
        """Whether the worker has left new connections to others."""
        return bool(self._memory[_HAS_CLOSED])

    @property
    def is_dismissed(self) -> bool:
        """Whether the master needs the worker no more."""
        return bool(self._memory[_IS_DISMISSED])
