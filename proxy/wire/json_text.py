"""JSON text changed in place: one member gets a new value, and every other byte stays what the client wrote.

Decoding a body and encoding it again would turn 1.50 into 1.5 and big integers into floats. The text must be valid JSON; whoever calls has
decoded it already. Text with half characters, which orjson refuses, can be mended first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import orjson

_STRUCTURE = re.compile(rb'["{}\[\]]')
_EMPTY = re.compile(rb"[ \t\r\n]*}")
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_LITERAL = re.compile(rb"[^ \t\r\n,}]+")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


# Decoding so many numbers takes a millisecond, and many times their memory.
_LARGE_BYTES = 512 * 1024
_BEGIN, _END = re.compile(rb"[ \t\r\n]*([{\[])"), re.compile(rb"([}\]])[ \t\r\n]*\Z")
_BRACKETS = (b"{}", b"[]")


def is_json_answer(text: bytes) -> bool:
    """Whether `text` is a JSON object or array, by the letter or as lenient readers take it: with `NaN` in it, with halves of characters.

    Of a large one only both ends are looked at.
    """
    if len(text) > _LARGE_BYTES:
        begin, end = _BEGIN.match(text), _END.search(text, len(text) - 1024)
        return begin is not None and end is not None and begin[1] + end[1] in _BRACKETS
    try:
        return type(orjson.loads(text)) in (dict, list)
    except orjson.JSONDecodeError:
        return _is_lenient_json(text)


def _is_lenient_json(text: bytes) -> bool:
    try:
        return type(json.loads(text.decode("utf-8", "replace"))) in (dict, list)
    except RecursionError:  # Nobody can tell, and clients have readers of their own.
        return True
    except ValueError:
        return False


def with_whole_characters(text: bytes) -> bytes:
    """JSON text with U+FFFD in the place of each half of a character, as Go reads it. JavaScript's programs cut texts between the halves.

    Source: https://pkg.go.dev/encoding/json#Unmarshal
    """
    whole = text.decode("utf-8", "replace").encode()
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape["half"] else escape[0], whole)


def replace_top_level_string(body: bytes, key: str, value: str) -> bytes:
    """`body` with `value` as the value of every member `key` of its outermost object; `body` itself when there is none.

    Members of that name in inner objects stay, and so do strings that only look like one. Duplicates are all replaced, since readers differ
    in which of them they take, and so is a value that is no string. `key` is a plain word: letters, digits, `_`.
    """
    pieces: list[bytes | memoryview] = []
    done = 0
    encoded = orjson.dumps(value)
    # Slices of bytes would be one more copy of what may hold pictures.
    whole = memoryview(body)
    for start, end in _values_of(body, key):
        pieces += (whole[done:start], encoded)
        done = end
    if not pieces:
        return body
    pieces.append(whole[done:])
    return b"".join(pieces)


def add_first_member(body: bytes, key: str, value: str) -> bytes:
    """`body` with the member `key` in front of the others of its outermost object; one that is already there is replaced instead."""
    replaced = replace_top_level_string(body, key, value)
    if replaced is not body:
        return replaced
    brace = body.index(b"{") + 1
    comma = b"" if _EMPTY.match(body, brace) else b","
    whole = memoryview(body)
    return b"".join((whole[:brace], orjson.dumps(key), b":", orjson.dumps(value), comma, whole[brace:]))


def _values_of(body: bytes, key: str) -> Iterator[tuple[int, int]]:
    """Where the values of the outermost object's members `key` begin and end."""
    name = orjson.dumps(key)[1:-1]
    # A key that is not spelled out is spelled with \u. After the last place where either stands, nothing can be found.
    last = max(body.rfind(b'"' + name + b'"'), body.rfind(b"\\u"))
    depth = position = 0
    while position <= last and (mark := _STRUCTURE.search(body, position)):
        position = mark.end()
        symbol = mark[0]
        if symbol == b'"':
            end = _string_end(body, position)
            if depth == 1 and (colon := _COLON.match(body, end)):
                if _is_key(body[position : end - 1], name, key):
                    yield colon.end(), (end := _value_end(body, colon.end()))
                else:
                    end = colon.end()
            position = end
        else:
            depth += 1 if symbol in b"{[" else -1


def _is_key(spelled: bytes, name: bytes, key: str) -> bool:
    return spelled == name or (b"\\" in spelled and orjson.loads(with_whole_characters(b'"' + spelled + b'"')) == key)


def _string_end(body: bytes, position: int) -> int:
    """Where the string whose text begins at `position` ends, after its closing quote."""
    while True:
        quote = body.index(b'"', position)
        backslashes = quote
        while backslashes > position and body[backslashes - 1] == 0x5C:
            backslashes -= 1
        position = quote + 1
        if (quote - backslashes) % 2 == 0:
            return position


def _value_end(body: bytes, position: int) -> int:
    """Where the value that begins at `position` ends."""
    depth = 0
    while True:
        symbol = body[position : position + 1]
        if symbol == b'"':
            position = _string_end(body, position + 1)
        elif symbol in (b"{", b"["):
            depth += 1
            position += 1
        elif symbol in (b"}", b"]"):
            depth -= 1
            position += 1
        else:
            literal = _LITERAL.match(body, position)
            position = literal.end() if literal else position + 1
        if not depth:
            return position
        following = _STRUCTURE.search(body, position)
        if following is None:
            raise ValueError("the text is no valid JSON")
        position = following.start()
