"""Thinking that the model wrote into its text, between tags -> a reasoning part of its own. Pure.

Only tags at the very start count: an answer that shows `<think>` in a code sample keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from proxy.canonical.events import ChatEvent, Failed, Finished, PartClosed, PartDelta, PartKind, PartOpened
from proxy.canonical.held_text import HeldText

_TAGS = ("think", "thinking", "thought", "reasoning")
_OPENING = tuple(f"<{tag}>" for tag in _TAGS)
_CLOSING = tuple(f"</{tag}>" for tag in _TAGS)
_MOST_BLANKS = 64  # before an opening tag: a model that is caught in blanks is not waited for


class _State(Enum):
    START = auto()  # nothing but white space and the beginning of a tag was seen
    THINK = auto()  # after the opening tag
    UNCLOSED = auto()  # the text ended without the closing tag; the finish reason decides what its last characters are
    AFTER = auto()  # after the closing tag, before the text
    DONE = auto()  # the rest passes as it is


class ThinkTagSplitter:
    """Turns the events of one answer into events whose reasoning is split off. The tags and the line ends next to them are left out.

    A model that stops before its closing tag has said nothing but thoughts; what was held back as the possible beginning of the tag then
    counts as text if the model ended by itself, else as reasoning.

    Args:
        preopened: the prompt already holds the opening tag, so that the answer begins inside it.
    """

    __slots__ = ("_closing", "_held", "_open", "_state", "_trim")

    def __init__(self, *, preopened: bool = False) -> None:
        self._state = _State.THINK if preopened else _State.START
        self._closing = _CLOSING  # only the opening tag's own once it is known
        self._held = HeldText()
        self._trim = preopened  # line ends at the beginning of the held text are to be left out
        self._open: PartKind | None = None  # the part that is open in what was passed on

    @property
    def done(self) -> bool:
        """Whether everything that may come passes as it is, so that nobody needs to ask any more."""
        return self._state is _State.DONE

    def feed(self, events: Sequence[ChatEvent]) -> list[ChatEvent]:
        """`events` with the reasoning split off; what is not decided yet comes with a later call."""
        out: list[ChatEvent] = []
        for position, event in enumerate(events):
            if self._state is _State.DONE:
                out += events[position:]
                break
            self._take(event, out)
        return out

    def close(self) -> list[ChatEvent]:
        """What is held back, when the events stop without `Finished` or `Failed`."""
        out: list[ChatEvent] = []
        if self._state is not _State.DONE:
            self._let_go("reasoning", out)
        return out

    def _take(self, event: ChatEvent, out: list[ChatEvent]) -> None:
        match event:
            case PartDelta():
                if self._state is _State.START and not self._held.text and event.text.lstrip()[:1] not in ("", "<"):
                    # Nearly all answers begin so.
                    self._state, self._open = _State.DONE, "text"
                    out += (PartOpened("text"), event)
                elif self._state is _State.THINK and self._open and event.text and not self._held.text and "<" not in event.text:
                    out.append(event)  # as nearly all thoughts: 0.5 us instead of 2.4
                else:
                    self._held.append(event)
                    self._advance(out)
                return
            case PartOpened(kind="text") if self._state is not _State.UNCLOSED:
                return
            case PartClosed():
                if self._state is _State.THINK and self._held.text:
                    self._state = _State.UNCLOSED
                else:
                    self._let_go("reasoning", out)
                return
            case PartOpened() | Failed():
                self._let_go("reasoning", out)
            case Finished():
                self._let_go("text" if event.finish_reason == "stop" else "reasoning", out)
        out.append(event)

    def _advance(self, out: list[ChatEvent]) -> None:
        if self._state is _State.START:
            self._seek_opening(out)
        if self._state is _State.THINK:
            self._seek_closing(out)
        if self._state is _State.AFTER and self._trimmed():
            self._state = _State.DONE
            self._emit("text", len(self._held.text), out)

    def _seek_opening(self, out: list[ChatEvent]) -> None:
        text = self._held.text.lstrip()
        blanks = len(self._held.text) - len(text)
        tag = next((tag for tag in _OPENING if text.startswith(tag)), "")
        if tag and blanks <= _MOST_BLANKS:
            self._held.drop(blanks + len(tag))
            self._closing = ("</" + tag[1:],)
            self._state, self._trim = _State.THINK, True
        elif blanks > _MOST_BLANKS or not any(tag.startswith(text) for tag in _OPENING):
            self._state = _State.DONE
            self._emit("text", len(self._held.text), out)

    def _seek_closing(self, out: list[ChatEvent]) -> None:
        if not self._trimmed():
            return
        text = self._held.text
        found = [(start, tag) for tag in self._closing if (start := text.find(tag)) >= 0]
        if found:
            start, tag = min(found)
            self._emit("reasoning", start, out)
            self._held.drop(len(tag))
            self._close_part(out)
            self._state, self._trim = _State.AFTER, True
        else:
            angle = text.rfind("<")
            undecided = angle >= 0 and any(tag.startswith(text[angle:]) for tag in self._closing)
            self._emit("reasoning", angle if undecided else len(text), out)

    def _trimmed(self) -> bool:
        """Whether text is held, after the line ends at its beginning are left out where they must be."""
        if self._trim:
            text = self._held.text.lstrip("\r\n")
            self._held.drop(len(self._held.text) - len(text))
            self._trim = not text
        return bool(self._held.text)

    def _let_go(self, kind: PartKind, out: list[ChatEvent]) -> None:
        """Passes on what is held: as text when no tag was found, as `kind` after an opening tag. Nothing is looked for any more."""
        if self._held.text:
            kind = "text" if self._state is _State.START else kind
            if self._open != kind:
                self._close_part(out)
            self._emit(kind, len(self._held.text), out)
        self._close_part(out)
        self._state = _State.DONE

    def _emit(self, kind: PartKind, length: int, out: list[ChatEvent]) -> None:
        delta = self._held.take(length)
        if delta.text or delta.logprobs:
            if self._open is None:
                self._open = kind
                out.append(PartOpened(kind))
            out.append(delta)

    def _close_part(self, out: list[ChatEvent]) -> None:
        if self._open is not None:
            self._open = None
            out.append(PartClosed())
