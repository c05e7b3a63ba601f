"""One call at most, where the upstream could not be told: further calls are left out of the answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.canonical.events import ChatEvent, Failed, PartClosed, PartDelta, PartOpened


class SoleCall:
    """Leaves out of an answer every call after the first; the client said that it wants no more."""

    __slots__ = ("_has_call", "_in_further_call")

    def __init__(self) -> None:
        self._has_call = self._in_further_call = False

    def feed(self, events: Sequence[ChatEvent]) -> list[ChatEvent]:
        """`events` without what is part of a further call."""
        return [event for event in events if self._stays(event)]

    def _stays(self, event: ChatEvent) -> bool:
        match event:
            case PartOpened(kind="tool_call"):
                self._in_further_call, self._has_call = self._has_call, True
            case PartClosed() if self._in_further_call:
                self._in_further_call = False
                return False
            case Failed():
                self._in_further_call = False
        return not (self._in_further_call and isinstance(event, PartOpened | PartDelta))
