"""`Keepsakes`: keeps what models want to see again with their tool calls, for clients that bring back nothing but the calls.

What lies in memory is this worker's. A shelf that all workers share brings back what another one put there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from proxy.canonical.events import ChatEvent, Failed, PartClosed, PartDelta, PartOpened
from proxy.canonical.keepsakes import Keeping, with_keepsakes
from proxy.canonical.request import ChatRequest, ReasoningPart, ToolCallPart
from proxy.canonical.thought_places import Words
from proxy.dialect import TextRequest
from proxy.profiles import Profile
from proxy.routing import Destination, Route

# An agent's turn ends within that time.
KEPT_FOR_S = 6 * 3600.0
MOST_BYTES = 32 * 1024 * 1024
# What an entry takes beside the letters of its key and value: measured, about 300 with a key that is a digest.
ENTRY_BYTES = 320


class Shelf(Protocol):
    """Where keepsakes lie."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be found there."""

    def put(self, key: str, value: bytes) -> None:
        """Keeps `value` for a while. Raises nothing."""

    def find(self, wanted: Sequence[Sequence[str]]) -> Sequence[bytes | None]:
        """What lies there, for each of those that are wanted by the first of its keys that something lies by. Raises nothing."""


class MemoryShelf:
    """A shelf in memory, for all greenlets of a worker. What was put there first goes first.

    Args:
        clock: seconds that never go back.
        most_bytes: of memory that it takes, keys and all.

    Attributes:
        taken_bytes: of memory that it takes now.
    """

    def __init__(self, clock: Callable[[], float], most_bytes: int = MOST_BYTES) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self.taken_bytes = 0
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def is_empty(self) -> bool:
        """See `Shelf`."""
        return not self._entries

    def put(self, key: str, value: bytes) -> None:
        """See `Shelf`."""
        now_s = self._clock()
        # A copy: around what orjson wrote lies a kilobyte and more that nobody else gets while it lives.
        value = bytes(memoryview(value))
        with self._lock:
            before = self._entries.pop(key, None)
            if before is not None:
                self.taken_bytes -= _size_bytes(key, before[1])
            self._entries[key] = (now_s + KEPT_FOR_S, value)
            self.taken_bytes += _size_bytes(key, value)
            while self._entries and (self.taken_bytes > self._most_bytes or next(iter(self._entries.values()))[0] <= now_s):
                dropped_key, (_, dropped) = self._entries.popitem(last=False)
                self.taken_bytes -= _size_bytes(dropped_key, dropped)

    def find(self, wanted: Sequence[Sequence[str]]) -> Sequence[bytes | None]:
        """See `Shelf`."""
        now_s = self._clock()
        return [next((entry[1] for key in keys if (entry := self._entries.get(key)) and now_s < entry[0]), None) for keys in wanted]


class Keepsakes:
    """Keeps and brings back.

    Args:
        profile_of: what is known of the server at a destination.
    """

    def __init__(self, shelf: Shelf, profile_of: Callable[[Destination], Profile]) -> None:
        self._shelf = shelf
        self._profile_of = profile_of

    def restored(self, request: TextRequest, route: Route) -> TextRequest:
        """`request` with what was kept of the calls in it, where the upstream has a place for that."""
        if not route.profile.wants_back or not isinstance(request, ChatRequest) or self._shelf.is_empty:
            return request
        return with_keepsakes(request, self._shelf.find)

    def keep(self, request: TextRequest, chain: Sequence[Destination], parts: Sequence[object]) -> None:
        """Keeps what belongs to the calls of the answer to `request`.

        Args:
            chain: where the next request of the conversation may go. What nobody there may want to see again is not kept.
        """
        if isinstance(request, ChatRequest) and any(isinstance(part, ToolCallPart) for part in parts) and self._is_wanted(chain):
            keeping, letters = Keeping(request), 0
            for part in parts:
                if isinstance(part, Words):
                    letters += len(part.text)
                else:
                    self._take(keeping, part, letters)

    def watch(self, request: TextRequest, chain: Sequence[Destination]) -> Watch | None:
        """What watches the stream that answers `request`, where it may hold calls and something is to be kept. `chain` as for `keep`."""
        if isinstance(request, ChatRequest) and request.tools and self._is_wanted(chain):
            return Watch(partial(self._take, Keeping(request)))
        return None

    def _is_wanted(self, chain: Sequence[Destination]) -> bool:
        return any(self._profile_of(destination).may_want_back for destination in chain)

    def _take(self, keeping: Keeping, part: object, letters: int) -> None:
        for key, value in keeping.take(part, letters):
            self._shelf.put(key, value)


def _size_bytes(key: str, value: bytes) -> int:
    return len(key) + len(value) + ENTRY_BYTES


class Watch:
    """Watches one stream. What belongs to a call is kept before the call's end is told: then the client may come back with it.

    Args:
        take: is handed the thoughts and calls of the answer, and how many letters of its words stand before each.
    """

    def __init__(self, take: Callable[[ReasoningPart | ToolCallPart, int], None]) -> None:
        self._take = take
        self._open: PartOpened | None = None
        self._texts: list[str] = []
        self._letters = 0

    def note(self, events: Sequence[ChatEvent]) -> None:
        """Notes what the stream brought."""
        for event in events:
            match event:
                case PartOpened(kind="reasoning" | "tool_call"):
                    self._open = event
                    self._texts.clear()
                case PartDelta() if self._open is not None:
                    self._texts.append(event.text)
                case PartDelta():
                    self._letters += len(event.text)
                case PartClosed() if self._open is not None:
                    self._take(_part(self._open, "".join(self._texts), event), self._letters)
                    self._open = None
                case Failed():
                    self._open = None
                case _:
                    pass


def _part(opened: PartOpened, text: str, closed: PartClosed) -> ReasoningPart | ToolCallPart:
    if opened.kind == "reasoning":
        return ReasoningPart(text, closed.opaque, closed.origin, closed.redacted)
    return ToolCallPart(opened.id, opened.name, text, closed.opaque, closed.origin)
