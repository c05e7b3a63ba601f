"""Answers that shall go on with words which the model is shown as its own, and begin with the same words again. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.canonical.events import ChatEvent, Failed, PartClosed, PartDelta, PartOpened
from proxy.canonical.held_text import HeldText
from proxy.canonical.request import ChatRequest, TextPart


def own_last_words(request: ChatRequest) -> str:
    """What the model is to go on with: the text of the last turn where that is its own, else `""`."""
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "assistant":
        return ""
    return "".join(part.text for part in last.parts if isinstance(part, TextPart))


class Unrepeated:
    """Leaves out the words at the beginning of an answer's text, if all of them stand there. Answers that begin otherwise stay as they are.

    Text is held back as long as it may be a repetition. What is compared is only what comes, however much is held.

    Args:
        words: those that it shall go on with.
    """

    __slots__ = ("_found_chars", "_held", "_in_text", "_words")

    def __init__(self, words: str) -> None:
        self._words = words  # `""` once it is known whether they come again
        self._found_chars = 0
        self._held: list[PartDelta] = []
        self._in_text = False

    def feed(self, events: Sequence[ChatEvent]) -> list[ChatEvent]:
        """`events` without the repetition; what may be a part of one is held until that is known."""
        if not self._words:
            return list(events)
        left: list[ChatEvent] = []
        for event in events:
            if self._words:
                self._take(event, left)
            else:
                left.append(event)
        return left

    def _take(self, event: ChatEvent, left: list[ChatEvent]) -> None:
        match event:
            case PartDelta() if self._in_text:
                self._compare(event, left)
                return
            case PartOpened(kind="text"):
                self._in_text = True
            case PartClosed() | Failed() if self._in_text:
                self._let_go(left)
            case PartOpened() if event.kind != "reasoning":
                self._words = ""  # It begins with something else.
        left.append(event)

    def _compare(self, delta: PartDelta, left: list[ChatEvent]) -> None:
        missing = len(self._words) - self._found_chars
        if len(delta.text) < missing and self._words.startswith(delta.text, self._found_chars):
            self._held.append(delta)
            self._found_chars += len(delta.text)
        elif delta.text.startswith(self._words[self._found_chars :]):
            self._words = ""
            self._held.clear()
            if len(delta.text) > missing:
                left.append(_without(delta, missing))
        else:
            self._let_go(left)
            left.append(delta)

    def _let_go(self, left: list[ChatEvent]) -> None:
        left += self._held
        self._held.clear()
        self._words = ""


def _without(delta: PartDelta, length: int) -> PartDelta:
    """`delta` without its first characters."""
    held = HeldText()
    held.append(delta)
    held.drop(length)
    return held.take(len(held.text))
