"""`FairQueue`: who waits, client by client in turn. It waits for nothing itself, and is not made for several threads at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """A line for each client: first come, first served within a line, and one of each line in turn. A client that is served goes last."""

    __slots__ = ("_length", "_lines")

    def __init__(self) -> None:
        self._lines: dict[str, dict[T, None]] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, client: str, item: T) -> None:
        """Puts `item`, which must not be there yet, at the end of its client's line."""
        self._lines.setdefault(client, {})[item] = None
        self._length += 1

    def remove(self, client: str, item: T) -> bool:
        """Takes out an item that waits no longer; whether it was there."""
        line = self._lines.get(client)
        if line is None or item not in line:
            return False
        del line[item]
        self._length -= 1
        if not line:
            del self._lines[client]
        return True

    def serve(self, client: str, item: T) -> None:
        """Takes out an item that has got what it waited for: its client's turn comes after that of all others."""
        self.remove(client, item)
        if client in self._lines:
            self._lines[client] = self._lines.pop(client)

    def in_turn(self) -> Iterator[T]:
        """The items in the order in which they would be served. Nothing may be added or taken out meanwhile."""
        lines = [iter(line) for line in self._lines.values()]
        while lines:
            longer = []
            for line in lines:
                for item in line:
                    yield item
                    longer.append(line)
                    break
            lines = longer

    def line_of(self, client: str) -> int:
        """How many items of the client wait."""
        return len(self._lines.get(client, ()))

    def last_of_the_longest_line(self) -> T:
        """The last item of the client that has most. There must be one."""
        client = max(self._lines, key=self.line_of)
        return next(reversed(self._lines[client]))
