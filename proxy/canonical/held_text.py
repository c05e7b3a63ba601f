"""Text that is held back together with its log probabilities, so that both leave together. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from proxy.canonical.events import PartDelta

LogprobItems = Sequence[dict[str, Any]]


class HeldText:
    """The text of deltas that were not passed on yet.

    Each token's item belongs to the characters of that token. An item leaves with the last of its characters; when only some of them are
    dropped, the item goes too, because it would describe text that is not there.
    """

    __slots__ = ("_spans", "text")

    def __init__(self) -> None:
        self.text = ""
        self._spans: deque[tuple[int, LogprobItems]] = deque()

    def append(self, delta: PartDelta) -> None:
        """Holds `delta` after what is held already."""
        if delta.logprobs:
            self._spans += spans_of(delta.text, delta.logprobs)
        elif delta.text:
            self._spans.append((len(delta.text), ()))
        self.text += delta.text

    def take(self, length: int) -> PartDelta:
        """The first `length` characters, which are held no more."""
        taken, self.text = self.text[:length], self.text[length:]
        return PartDelta(taken, self._pop_spans(length) or None)

    def drop(self, length: int) -> None:
        """Forgets the first `length` characters."""
        self.text = self.text[length:]
        self._pop_spans(length, forget_cut=True)

    def _pop_spans(self, length: int, *, forget_cut: bool = False) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while self._spans and self._spans[0][0] <= length:
            span_length, span_items = self._spans.popleft()
            length -= span_length
            items += span_items
        if length:
            span_length, span_items = self._spans[0]
            self._spans[0] = (span_length - length, () if forget_cut else span_items)
        return items


def spans_of(text: str, items: LogprobItems) -> list[tuple[int, LogprobItems]]:
    """How many characters each item stands for; all of them together for `text` where the tokens do not spell it (cut characters)."""
    tokens = [str(item.get("token", "")) for item in items]
    if "".join(tokens) != text:
        return [(len(text), items)]
    return [(len(token), (item,)) for token, item in zip(tokens, items, strict=True)]
