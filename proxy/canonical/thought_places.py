"""The thoughts of a turn, back among its words and calls where the model had them: it refuses a turn whose thoughts were moved. Pure.

Most clients keep one text for all words of a turn, and its thoughts before that, or not at all.
Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking, "Preserving thinking blocks".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from proxy.canonical.request import Part, ReasoningPart, RefusalPart, TextPart, ToolCallPart

Words = TextPart | RefusalPart
_Placed = tuple[int, Part]


@dataclass(frozen=True, slots=True)
class Keepsake:
    """What belongs to one call.

    Attributes:
        thoughts: those between the call before and this one, each behind as many letters of the turn's words.
        opaque: the call's own signature, for upstreams of `origin`.
        letters: how many letters stand before the call.
    """

    thoughts: tuple[tuple[int, ReasoningPart], ...] = ()
    opaque: str = ""
    origin: str = ""
    letters: int = 0


def with_thoughts_in_place(parts: Sequence[Part], keepsakes: Sequence[Keepsake | None]) -> tuple[Part, ...]:
    """The parts of a turn with what was kept of its calls. Each thought is there once, as the client brought it where it did.

    Args:
        keepsakes: what was kept of each call, in their order.
    """
    return _among([part for part in parts if isinstance(part, Words)], _in_order(_placed(parts, _Own(parts, keepsakes))))


class _Own:
    """What was kept of the calls of a turn, as far as it is of this very turn: the same may have been asked, and called, before.

    Attributes:
        brought: the thoughts that the client brought signed, by what only they have.
        kept: what was kept of each call.
        last: the number of the last call that gets thoughts back, -1 when none does.
    """

    def __init__(self, parts: Sequence[Part], keepsakes: Sequence[Keepsake | None]) -> None:
        self.brought = {part.opaque: part for part in parts if isinstance(part, ReasoningPart) and part.opaque}
        known = {thought.opaque for keepsake in keepsakes if keepsake for _, thought in keepsake.thoughts}
        self._knows_all = self.brought.keys() <= known
        calls = (part for part in parts if isinstance(part, ToolCallPart))
        self.kept = [
            keepsake if keepsake and self._is_of(call, keepsake) else None for call, keepsake in zip(calls, keepsakes, strict=True)
        ]
        self._moved = {thought.opaque for keepsake in self.kept if keepsake for _, thought in keepsake.thoughts}
        self.last = max((number for number, keepsake in enumerate(self.kept) if keepsake and keepsake.thoughts), default=-1)

    def _is_of(self, call: ToolCallPart, keepsake: Keepsake) -> bool:
        if call.opaque not in ("", keepsake.opaque):
            return False
        return self._knows_all or not keepsake.thoughts or any(thought.opaque in self.brought for _, thought in keepsake.thoughts)

    def has(self, thought: ReasoningPart) -> bool:
        """Whether the thought comes back with a call. Thoughts that nobody signed give way to those that the model had."""
        return thought.opaque in self._moved if thought.opaque else self.last >= 0


def _placed(parts: Iterable[Part], own: _Own) -> list[_Placed]:
    """Everything but words, each behind how many letters of them."""
    placed: list[_Placed] = []
    letters = 0
    kept = enumerate(own.kept)
    for part in parts:
        if isinstance(part, Words):
            letters += len(part.text)
        elif isinstance(part, ToolCallPart):
            number, keepsake = next(kept)
            if keepsake is None:
                placed.append((letters, part))
                continue
            placed += ((place, replace(own.brought.get(thought.opaque, thought), is_loose=False)) for place, thought in keepsake.thoughts)
            # Words stay before the last calls: a client may have changed how many there are.
            place = keepsake.letters if number < own.last else letters
            placed.append((place, replace(part, opaque=keepsake.opaque, origin=keepsake.origin)))
        elif not (isinstance(part, ReasoningPart) and own.has(part)):
            placed.append((letters, part))
    return placed


def _in_order(placed: list[_Placed]) -> list[_Placed]:
    """`placed`, where nothing stands behind more letters than what follows it."""
    ordered: list[_Placed] = []
    for letters, part in reversed(placed):
        ordered.append((min(letters, ordered[-1][0]) if ordered else letters, part))
    return ordered[::-1]


def _among(words: list[Words], placed: Iterable[_Placed]) -> tuple[Part, ...]:
    """`placed` among the words, which are cut in two where something stood between."""
    parts: list[Part] = []
    said = 0
    for letters, part in placed:
        while words and said < letters:
            first = words.pop(0)
            room = letters - said
            if len(first.text) > room:
                words.insert(0, replace(first, text=first.text[room:]))
                first = _beginning(first, room)
            parts.append(first)
            said += len(first.text)
        parts.append(part)
    return (*parts, *words)


def _beginning(words: Words, letters: int) -> Words:
    """The first letters. A mark of what to cache is of all that stands before it, and stays where the words end: servers count marks."""
    text = words.text[:letters]
    return replace(words, text=text, cache_hint=None) if isinstance(words, TextPart) else replace(words, text=text)
