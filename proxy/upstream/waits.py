"""`Wait`: one request that waits for a replica to take it and begin to answer, and is called off when the replica turns out to be gone.

A frozen server keeps its connections open. Without this, who asked it before a look found that out would wait for the whole of
`timeouts.first_byte`, which is made for models that have to load.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Wait:
    """The wait of one request.

    Args:
        patience: so many looks in a row must have failed before it is called off.
        may_move: whether another replica can be asked in its place. It is only asked when that is about to happen, and may count on it.

    Attributes:
        was_called_off: whether it was.
    """

    __slots__ = ("_may_move", "_patience", "_source", "was_called_off")

    def __init__(self, patience: int, may_move: Callable[[], bool]) -> None:
        self._patience = patience
        self._may_move = may_move
        self._source: Any = None
        self.was_called_off = False

    def begin(self, source: Any) -> None:
        """From now on the replica is waited for, at that socket."""
        self._source = source

    def end(self) -> None:
        """The answer has begun, or will not come."""
        self._source = None

    def call_off(self, silent_looks: int) -> bool:
        """Ends the connection, if so many looks are enough and there is somebody else to ask. Whether it did."""
        source = self._source
        if silent_looks < self._patience or self.was_called_off or not isinstance(source, socket.socket) or not self._may_move():
            return False
        self.was_called_off = True
        with suppress(OSError):  # It has just ended by itself.
            # Not the method of TLS sockets: that one takes the TLS away from under whoever reads.
            socket.socket.shutdown(source, socket.SHUT_RDWR)
        return True
