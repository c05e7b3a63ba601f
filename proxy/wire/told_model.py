"""`ToldModel`: the name in the `model` of answers that are handed on as they come. Pure."""

from __future__ import annotations

import re

import orjson

from proxy.wire.json_text import replace_top_level_string

# How servers written in Go begin their records.
_FIRST_MEMBER = re.compile(rb'([ \t]*\{[ \t]*"model"[ \t]*:[ \t]*)"[^"\\]*"')


class ToldModel:
    """Puts one name in the place of whichever an answer tells; every other byte stays as it is.

    All lines of a stream begin alike: what was found in the first one is looked for in the others.
    """

    __slots__ = ("_beginning", "_model", "_own_beginning")

    def __init__(self, model: str) -> None:
        self._model = model
        self._beginning = self._own_beginning = b""

    def in_lines(self, lines: bytes) -> bytes:
        """Whole lines of NDJSON with that name."""
        if not lines:
            return lines
        if lines.find(b"\n", 0, -1) < 0:
            return self._in_line(lines)
        return b"".join(map(self._in_line, lines.splitlines(keepends=True)))

    def in_whole(self, body: bytes) -> bytes:
        """A whole answer, or one line, with that name."""
        if not body.lstrip().startswith(b"{"):
            return body
        try:
            return replace_top_level_string(body, "model", self._model)
        except ValueError:  # It is no JSON after all; clients are to see it as it came.
            return body

    def _in_line(self, line: bytes) -> bytes:
        if not self._beginning or not line.startswith(self._beginning):
            first = _FIRST_MEMBER.match(line)
            if first is None:
                return self.in_whole(line)
            self._beginning, self._own_beginning = first[0], first[1] + orjson.dumps(self._model)
        return self._own_beginning + line[len(self._beginning) :]
