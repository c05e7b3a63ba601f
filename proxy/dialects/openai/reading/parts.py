"""Parts of an answer in the order in which they began, of which one at a time is told. Pure.

Servers interleave: a second tool call begins before the first is complete, text comes between the fragments of a call. The grammar of
events knows one open part. So the oldest part is told live; what belongs to later ones is held until those before it are complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from proxy.canonical.events import ChatEvent, PartClosed, PartDelta, PartKind, PartOpened
from proxy.dialects.openai.reading.json_depth import JsonDepth
from proxy.dialects.openai.thought_details import ORIGIN, Details, is_state
from proxy.errors import UpstreamBroken


class Part:
    """One part in the making.

    Attributes:
        held: what was not told yet.
        opened, closed: what was told of it.
        opaque, origin: what must come back with it, as in `PartClosed`.
        details: what OpenRouter tells of thoughts beside their text.
    """

    __slots__ = ("closed", "details", "held", "kind", "opaque", "opened", "origin")

    def __init__(self, kind: PartKind) -> None:
        self.kind: PartKind = kind
        self.held: list[PartDelta] = []
        self.opened = self.closed = False
        self.opaque = self.origin = ""
        self.details: Details | None = None

    def opening(self) -> PartOpened | None:
        """What is to be told before the deltas, `None` when it is not known yet."""
        return PartOpened(self.kind)

    def is_complete(self) -> bool:
        """Whether nothing more can come, now that another part has begun."""
        return True

    @property
    def is_bare_state(self) -> bool:
        """Whether nothing was said in it: it only holds what must come back with what was said before."""
        return self.details is not None and not (self.opened or self.held)

    def complete(self, *, cut_off: bool) -> None:
        """Adds what is missing, now that nothing more comes; `cut_off` says that the model had to stop in the middle."""
        if self.details is not None and (word := self.details.word()):
            self.opaque, self.origin = word, ORIGIN


class ToolCall(Part):
    """A tool call in the making. It opens with the first character of its arguments, since until then its name may still grow, and the call
    be cut off.

    Attributes:
        upstream_id: the id that the server gave it, `""` as long as it has not.
        index: the slot under which the server sends it.
    """

    __slots__ = ("_depth", "_is_blank", "_issue_id", "_pieces", "_unread", "index", "name", "upstream_id")

    def __init__(self, issue_id: Callable[[str], str], index: int | None) -> None:
        super().__init__("tool_call")
        self._issue_id = issue_id
        self._pieces: list[str] = []
        self._is_blank = True
        self._depth = JsonDepth()
        self._unread: deque[str] = deque()  # pieces that were not asked about yet: most calls never are
        self.index = index
        self.upstream_id = ""
        self.name = ""

    @property
    def has_arguments(self) -> bool:
        return bool(self._pieces)

    @property
    def arguments(self) -> str:
        """The JSON text so far."""
        if len(self._pieces) > 1:
            self._pieces[:] = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def add_arguments(self, fragment: str) -> None:
        """Goes on with the arguments; the fragment is held until the call may be told."""
        self._is_blank = self._is_blank and not fragment.strip()
        self._pieces.append(fragment)
        self._unread.append(fragment)
        self.held.append(PartDelta(fragment))

    def opening(self) -> PartOpened | None:
        if self._is_blank or not self.name:
            return None
        return PartOpened("tool_call", self._issue_id(self.upstream_id), self.name)

    def is_complete(self) -> bool:
        return bool(self.name) and self.has_whole_arguments()

    def has_whole_arguments(self) -> bool:
        """Whether the arguments so far are a whole JSON object, to which nothing can be added."""
        while self._unread:
            self._depth.feed(self._unread.popleft())
        return self._depth.is_whole

    def complete(self, *, cut_off: bool) -> None:
        """Gives a call without arguments its `{}`. A call that was cut off before them is not told: `{}` would make it one that can be run.

        Raises:
            UpstreamBroken: there are arguments, but no name.
        """
        if cut_off:
            return
        if self._is_blank:
            self.add_arguments("{}")
        elif not self.name:
            raise UpstreamBroken("the upstream sent a tool call without a name")


class PartQueue:
    """Tells parts one after the other.

    Attributes:
        calls: how many tool calls were told of.
        live: the kind of the part that is open while nothing waits behind it: its deltas may be told at once.
    """

    __slots__ = ("_parts", "calls", "live")

    def __init__(self) -> None:
        self._parts: deque[Part] = deque()
        self.calls = 0
        self.live: PartKind | None = None

    @property
    def latest(self) -> PartKind | None:
        """The kind of the part that began last; `None` before the first."""
        return self._parts[-1].kind if self._parts else None

    def write(self, kind: PartKind, delta: PartDelta, events: list[ChatEvent]) -> None:
        """Adds to the latest part if it is of this kind, else begins a new one."""
        part = self._parts[-1] if self._parts else None
        if part is None or part.kind != kind:
            part = self.begin(Part(kind))
        part.held.append(delta)
        self.tell(events)

    def add_details(self, entries: Sequence[object], events: list[ChatEvent]) -> None:
        """Adds details of thoughts: to the latest part if it is thoughts, else as thoughts of which nothing can be read."""
        part = self._parts[-1] if self._parts else None
        if part is None or part.kind != "reasoning":
            if not is_state(entries):
                return
            part = self.begin(Part("reasoning"))
        if part.details is None:
            part.details = Details()
        part.details.add(entries)
        self.tell(events)

    def begin(self, part: Part) -> Part:
        self._parts.append(part)
        return part

    def tell(self, events: list[ChatEvent]) -> None:
        """Appends to `events` what can be told now."""
        self._tell_held(self._parts[0], events)
        while len(self._parts) > 1 and self._parts[0].is_complete():
            self._close_first(events, cut_off=False)
            self._tell_held(self._parts[0], events)
        first = self._parts[0]
        self.live = first.kind if first.opened and len(self._parts) == 1 else None

    def close(self, events: list[ChatEvent], *, cut_off: bool) -> None:
        """Appends to `events` the rest of all parts; `cut_off` says that the model had to stop in the middle of what it said last.

        Raises:
            UpstreamBroken: a tool call has arguments, but no name.
        """
        last = next((part for part in reversed(self._parts) if not part.is_bare_state), None)
        while self._parts:
            self._close_first(events, cut_off=cut_off and self._parts[0] is last)
        self.live = None

    def _close_first(self, events: list[ChatEvent], *, cut_off: bool) -> None:
        part = self._parts[0]
        part.complete(cut_off=cut_off)
        self._tell_held(part, events)
        if part.is_bare_state and part.opaque:
            events.append(PartOpened(part.kind))
            part.opened = True
        if part.opened:
            events.append(PartClosed(part.opaque, part.origin))
        part.closed = True
        self._parts.popleft()

    def _tell_held(self, part: Part, events: list[ChatEvent]) -> None:
        if not part.held:
            return
        if not part.opened:
            opening = part.opening()
            if opening is None:
                return
            events.append(opening)
            part.opened = True
            self.calls += part.kind == "tool_call"
        events += part.held
        part.held.clear()
