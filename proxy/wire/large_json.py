"""Large JSON texts, read and written beside no second copy of what is large in them: pictures in base64. Pure.

orjson copies a text before it reads it. With a picture there would stand, for a moment, the text, its copy and the picture: three times
what the client sent. Here the long strings of a large text are taken out of it first, orjson reads what is left, and then they are put in
their places: beside a text of 10 MiB that takes as much again, where orjson takes twice as much. Whatever comes out of the ordinary on the
way, orjson reads the text as it is.

In the same way, a picture and the words before it become one string only in the text that is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

import orjson

from proxy.wire.exact_json import dumps_exact

_LARGE_BYTES = 1024 * 1024
# A string of two blocks or more is found for certain: one of its blocks, wherever they begin, has no quote.
_BLOCK_BYTES = 32 * 1024
# After a closing quote; no string that is worth the while begins so.
_AFTER_STRINGS = b" \t\r\n,:]}"
# What can't stand in a string as it is, and what means something else than itself.
_NOT_PLAIN = tuple(bytes((code,)) for code in (*range(0x20), 0x5C))
_MARK, _SPELLED_MARK = "\0", rb"\u0000"
# What orjson never writes: where it stands, a text is still to be put.
_HOLE: Final = b"\0"
_PIECE_CHARS = 64 * 1024
# What of a long string is left for those who only look: enough to tell whose a signature is, and what kind of picture.
_BEGINNING_CHARS = 64


class LongText:
    """A string of several pieces, for `dumps`: ASCII that stands in JSON as it is, without quotes, backslashes and control characters.

    No dataclass: orjson would write one as an object.
    """

    __slots__ = ("pieces",)

    def __init__(self, pieces: tuple[str, ...]) -> None:
        self.pieces = pieces

    def __str__(self) -> str:
        return "".join(self.pieces)


def dumps(value: Any) -> bytes:
    """What `dumps_exact` gives, also of a value that has long texts in it. Raises `TypeError` as it does."""
    texts: list[LongText] = []

    def leave_hole(unknown: object) -> orjson.Fragment:
        if not isinstance(unknown, LongText):
            raise TypeError(f"{type(unknown).__name__} has no JSON")
        texts.append(unknown)
        return orjson.Fragment(_HOLE)

    text = dumps_exact(value, leave_hole)
    return _filled(text, texts) if texts and _HOLE in text else text


def _filled(text: bytes, texts: list[LongText]) -> bytes:
    filled, around, done = BytesIO(), memoryview(text), 0
    for long_text in texts:
        hole = text.index(_HOLE, done)
        filled.write(around[done:hole])
        filled.write(b'"')
        for piece in long_text.pieces:
            for start in range(0, len(piece), _PIECE_CHARS):
                filled.write(piece[start : start + _PIECE_CHARS].encode("ascii"))
        filled.write(b'"')
        done = hole + len(_HOLE)
    filled.write(around[done:])
    return filled.getvalue()


def loads(text: bytes) -> Any:
    """What `orjson.loads` gives. Raises `orjson.JSONDecodeError` as it does."""
    if len(text) < _LARGE_BYTES:
        return orjson.loads(text)
    shortened, taken_out = _shortened(text)
    if taken_out:
        try:
            value = orjson.loads(shortened)
        except orjson.JSONDecodeError:
            return orjson.loads(text)
        # A mark that the client wrote could be taken for one of ours.
        if shortened.count(_SPELLED_MARK) == len(taken_out) and _put_back(value, taken_out):
            return value
    return orjson.loads(text)


def loads_outermost(text: bytes) -> Any:
    """What `orjson.loads` gives, but inside the values of an outermost object long strings may stand with their first letters alone.

    For texts that are decoded only to be looked at. Raises `orjson.JSONDecodeError` as `orjson.loads` does.
    """
    if len(text) < _LARGE_BYTES:
        return orjson.loads(text)
    shortened, _ = _shortened(text, _BEGINNING_CHARS)
    try:
        value = orjson.loads(shortened)
    except orjson.JSONDecodeError:
        return orjson.loads(text)
    if type(value) is not dict or any(type(item) is str and _MARK in item for item in value.values()):
        return orjson.loads(text)
    return value


def _shortened(text: bytes, beginning_chars: int = 0) -> tuple[bytes, dict[str, str]]:
    """`text` with a mark in the place of each long string, behind so much of it, and the strings by their marks."""
    pieces: list[bytes] = []
    taken_out: dict[str, str] = {}
    done = 0
    whole = memoryview(text)
    for start, end in _long_strings(text):
        try:
            # From a view: a slice would be one more copy of a picture.
            string = str(whole[start:end], "ascii")
        except UnicodeDecodeError:
            continue
        mark = f"{_MARK}{len(taken_out)}"
        taken_out[mark] = string
        pieces += (text[done : start + beginning_chars], orjson.dumps(mark)[1:-1])
        done = end
    return b"".join((*pieces, text[done:])), taken_out


def _long_strings(text: bytes) -> Iterator[tuple[int, int]]:
    """Where strings begin and end that are long and stand there letter by letter.

    Only an opening quote is followed by what is neither white space nor punctuation, if the text is valid. If it is not, what is left of it
    without such strings is not valid either.
    """
    position = 0
    while position < len(text):
        block_end = position + _BLOCK_BYTES
        if text.find(b'"', position, block_end) >= 0:
            position = block_end
            continue
        start, end = text.rfind(b'"', 0, position) + 1, text.find(b'"', block_end)
        if end < 0:
            return
        if (
            start
            and text[start] not in _AFTER_STRINGS
            and text[start - 2] != 0x5C
            and all(text.find(odd, start, end) < 0 for odd in _NOT_PLAIN)
        ):
            yield start, end
        position = end + 1


def _put_back(value: Any, taken_out: dict[str, str]) -> bool:
    """Puts the strings in the places of their marks, and whether each had one; not so where one was a key, or hidden by a later key."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        places = holder.items() if type(holder) is dict else enumerate(holder) if type(holder) is list else ()
        for place, item in places:
            if type(item) is not str:
                waiting.append(item)
            elif item.startswith(_MARK):
                holder[place] = taken_out.pop(item)
    return not taken_out
