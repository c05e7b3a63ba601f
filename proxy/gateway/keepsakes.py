"""`Keepsakes`: keeps what models want to see again with their tool calls, for clients that bring back nothing but the calls.

What lies in memory is this worker's. A shelf that all workers share brings back what another one put there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from proxy.canonical.events import ChatEvent, Failed, PartClosed, PartDelta, PartOpened
from proxy.canonical.keepsakes import keepsakes_of, with_keepsakes
from proxy.canonical.request import ChatRequest, ReasoningPart, ToolCallPart
from proxy.dialect import TextRequest

# An agent's turn ends within that time.
KEPT_FOR_S = 6 * 3600.0
MOST_BYTES = 32 * 1024 * 1024


class Shelf(Protocol):
    """Where keepsakes lie."""

    def put(self, key: str, value: bytes) -> None:
        """Keeps `value` for a while. Raises nothing."""

    def find(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """What lies there, one for each key. Raises nothing."""


class MemoryShelf:
    """A shelf in memory, for all greenlets of a worker. What was put there first goes first.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float], most_bytes: int = MOST_BYTES) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self._size_bytes = 0
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, key: str, value: bytes) -> None:
        """See `Shelf`."""
        with self._lock:
            before = self._entries.pop(key, None)
            self._size_bytes += len(value) - (len(before[1]) if before else 0)
            self._entries[key] = (self._clock() + KEPT_FOR_S, value)
            while self._size_bytes > self._most_bytes:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._size_bytes -= len(dropped)

    def find(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """See `Shelf`."""
        now_s = self._clock()
        entries = [self._entries.get(key) for key in keys]
        return [entry[1] if entry is not None and now_s < entry[0] else None for entry in entries]


class Keepsakes:
    """Keeps and brings back."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def restored(self, request: TextRequest) -> TextRequest:
        """`request` with what was kept of the calls in it."""
        return with_keepsakes(request, self._shelf.find) if isinstance(request, ChatRequest) else request

    def keep(self, parts: Sequence[object]) -> None:
        """Keeps what belongs to the calls of an answer."""
        for key, value in keepsakes_of(parts):
            self._shelf.put(key, value)

    def watch(self, request: TextRequest) -> Watch | None:
        """What watches the stream that answers `request`, where it may hold calls."""
        return Watch(self) if isinstance(request, ChatRequest) and request.tools else None


class Watch:
    """Watches one stream. What belongs to a call is kept before the call's end is told: then the client may come back with it."""

    def __init__(self, keepsakes: Keepsakes) -> None:
        self._keepsakes = keepsakes
        self._thoughts: list[object] = []
        self._open: PartOpened | None = None
        self._texts: list[str] = []

    def note(self, events: Sequence[ChatEvent]) -> None:
        """Notes what the stream brought."""
        for event in events:
            match event:
                case PartOpened(kind="reasoning" | "tool_call"):
                    self._open = event
                    self._texts.clear()
                case PartDelta() if self._open is not None:
                    self._texts.append(event.text)
                case PartClosed() if self._open is not None:
                    self._close(self._open, event)
                    self._open = None
                case Failed():
                    self._open = None
                case _:
                    pass

    def _close(self, opened: PartOpened, closed: PartClosed) -> None:
        text = "".join(self._texts)
        if opened.kind == "reasoning":
            self._thoughts.append(ReasoningPart(text, closed.opaque, closed.origin, closed.redacted))
            return
        self._keepsakes.keep([*self._thoughts, ToolCallPart(opened.id, opened.name, text, closed.opaque, closed.origin)])
        self._thoughts.clear()
