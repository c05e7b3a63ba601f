"""JSON without the Markdown around it: models that are asked for a form in words put fences around what they say. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from proxy.canonical.events import ChatEvent, Failed, PartClosed, PartDelta, PartOpened

_FENCE: Final = re.compile(r"\s*```\w*[ \t]*\r?\n")
_MAY_BE_FENCE: Final = re.compile(r"\s*(?:`{0,2}|```\w*[ \t]*\r?)")


class Unfenced:
    """Leaves out the fence around a text. No JSON begins with one: an answer that is bound to its form stays as it is."""

    __slots__ = ("_held", "_state")

    def __init__(self) -> None:
        self._state: Literal["", "beginning", "fenced"] = ""  # `""` where all goes on as it comes
        self._held: list[PartDelta] = []

    def feed(self, events: Sequence[ChatEvent]) -> list[ChatEvent]:
        """`events` without the fence; what may be a part of one is held until that is known."""
        left: list[ChatEvent] = []
        for event in events:
            if self._state and isinstance(event, PartDelta):
                self._held.append(event)
                left += self._begun() if self._state == "beginning" else self._inside()
                continue
            if self._state and isinstance(event, PartClosed | Failed):
                left += self._end()
            if isinstance(event, PartOpened):
                self._state = "beginning" if event.kind == "text" else ""
            left.append(event)
        return left

    def _begun(self) -> list[PartDelta]:
        text = self._text()
        if fence := _FENCE.match(text):
            self._state, self._held = "fenced", [PartDelta(text[fence.end() :])]
            return self._inside()
        if _MAY_BE_FENCE.fullmatch(text):
            return []
        held, self._held, self._state = self._held, [], ""
        return held

    def _inside(self) -> list[PartDelta]:
        text = self._text()
        said = text.rstrip().rstrip("`").rstrip()
        self._held = [PartDelta(text[len(said) :])]
        return [PartDelta(said)] if said else []

    def _end(self) -> list[PartDelta]:
        is_fence = self._state == "fenced" and self._text().strip() == "```"
        held, self._held, self._state = self._held, [], ""
        return [] if is_fence else [delta for delta in held if delta.text]

    def _text(self) -> str:
        return "".join(delta.text for delta in self._held)
