"""JSON without the Markdown around it: models that are asked for a form in words put fences around what they say. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from proxy.canonical.events import ChatEvent, Failed, PartClosed, PartDelta, PartOpened
from proxy.canonical.held_text import HeldText

# What is left out. All numbers are bounded, and with them what is held: a model that says nothing but blanks is not waited for.
_OPENING: Final = re.compile(r"```\w{0,32}[ \t]{0,8}\r?\n")
_CLOSING: Final = re.compile(r"(?:\r?\n)?[ \t]{0,3}```[ \t]{0,8}(?=\r?\n)")
# How each begins.
_MAY_OPEN: Final = re.compile(r"`{1,2}|```\w{0,32}[ \t]{0,8}\r?")
_MAY_CLOSE: Final = re.compile(r"(?:\r?\n|\r)?[ \t]{0,3}(?:`{1,2}|```[ \t]{0,8}\r?)?\Z")
_LONGEST_END: Final = 17  # characters that `_MAY_CLOSE` can match


class Unfenced:
    """Leaves out the fence that a text begins with. No JSON begins with one: an answer that is bound to its form stays as it is.

    Nor has any JSON the end of a fence at the end of a line: the first one closes it, and words behind it stay. Blanks before the fence are
    handed on.
    """

    __slots__ = ("_held", "_state")

    def __init__(self) -> None:
        self._state: Literal["", "beginning", "fenced"] = ""  # `""` where all goes on as it comes
        self._held = HeldText()

    def feed(self, events: Sequence[ChatEvent]) -> list[ChatEvent]:
        """`events` without the fence; what may be a part of one is held until that is known."""
        left: list[ChatEvent] = []
        for event in events:
            if self._state and isinstance(event, PartDelta):
                if self._state == "beginning":
                    self._begin(event, left)
                else:
                    self._go_on(event, left)
                continue
            if self._state and isinstance(event, PartClosed | Failed):
                self._end(left)
            if isinstance(event, PartOpened):
                self._state = "beginning" if event.kind == "text" else ""
            left.append(event)
        return left

    def _begin(self, delta: PartDelta, left: list[ChatEvent]) -> None:
        held = self._held
        first = held.text or delta.text.lstrip()[:1]
        if not first.startswith("`"):
            left.append(delta)
            self._state = "" if first else "beginning"
            return
        held.append(delta)
        self._emit(len(held.text) - len(held.text.lstrip()), left)
        if opening := _OPENING.match(held.text):
            held.drop(opening.end())
            self._state = "fenced"
            self._seek_closing(left)
        elif not _MAY_OPEN.fullmatch(held.text):
            self._let_go(left)

    def _go_on(self, delta: PartDelta, left: list[ChatEvent]) -> None:
        text = delta.text
        if not self._held.text and "`" not in text and not text[-1:].isspace():
            left.append(delta)  # as most do
            return
        self._held.append(delta)
        self._seek_closing(left)

    def _seek_closing(self, left: list[ChatEvent]) -> None:
        text = self._held.text
        if closing := _CLOSING.search(text):
            self._emit(closing.start(), left)
            self._held.drop(closing.end() - closing.start())
            self._let_go(left)
        elif begun := _MAY_CLOSE.search(text, max(0, len(text) - _LONGEST_END)):
            self._emit(begun.start(), left)

    def _end(self, left: list[ChatEvent]) -> None:
        if self._state == "fenced" and "```" in self._held.text:
            self._held.drop(len(self._held.text))
        self._let_go(left)

    def _let_go(self, left: list[ChatEvent]) -> None:
        self._state = ""
        self._emit(len(self._held.text), left)

    def _emit(self, length: int, left: list[ChatEvent]) -> None:
        delta = self._held.take(length)
        if delta.text or delta.logprobs:
            left.append(delta)
