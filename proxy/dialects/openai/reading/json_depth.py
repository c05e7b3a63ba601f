"""Whether JSON text that comes in pieces is whole, without reading any of it twice. Pure."""

from __future__ import annotations

import re

_OUTSIDE = re.compile(r'["{}\[\]]')
_INSIDE = re.compile(r'[\\"]')


class JsonDepth:
    """Follows brackets and strings. It does not say that the text is valid: only that nothing could be added to make it so."""

    __slots__ = ("_begun", "_depth", "_escaped", "_in_string")

    def __init__(self) -> None:
        self._depth = 0
        self._begun = self._in_string = self._escaped = False

    @property
    def is_whole(self) -> bool:
        """Whether the object or array that the text began with is closed."""
        return self._begun and self._depth <= 0 and not self._in_string

    def feed(self, text: str) -> None:
        """Follows the text on, from where the piece before it ended."""
        position = 1 if self._escaped and text else 0
        self._escaped = self._escaped and not text
        while mark := (_INSIDE if self._in_string else _OUTSIDE).search(text, position):
            position = mark.end()
            match mark[0]:
                case '"':
                    self._in_string = not self._in_string
                case "\\":
                    self._escaped = position == len(text)
                    position += 1
                case "{" | "[":
                    self._begun = True
                    self._depth += 1
                case _:
                    self._depth -= 1
