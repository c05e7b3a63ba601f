"""What a refusal says: its words, and the names of the fields that it does not want. Pure.

Servers put the names into sentences of their own, into lists of pydantic's errors, and into texts that hold such lists as Python or JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from proxy.errors import UpstreamRefused
from proxy.profile_lessons import offers_others, speaks_of_value, takes_no_value

# Where servers put their words. What they quote of the request (`input`) or of the model (`failed_generation`) is not among them.
_WORD_KEYS: Final = ("message", "detail", "msg", "error", "errors", "title", "description", "metadata", "raw", "reason")
_MAX_DEPTH = 6
_MAX_CHARS = 4096

_QUOTE = r"['\"`]?"
# Lengths are bounded, or a long word without end would be read once from each of its letters.
_ONE = rf"{_QUOTE}[\w.]{{1,64}}{_QUOTE}"
_NAMES = rf"({_ONE}(?:(?:, | and |, and ){_ONE}){{0,16}})"
_FIELD = r"(?:param(?:eter)?|argument|option|name|field|property|key)s?"
_NOT_TAKEN = r"(?:not (?:currently |yet )?(?:supported|permitted|allowed|available)|unsupported|deprecated)"
# Of a field, whatever its value.
_OF_FIELD: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:unsupported|unknown|unrecognized) (?:request )?{_FIELD}(?: supplied)?:? [\[{{]?{_NAMES}",
        rf"{_FIELD} (?:is |are )?not supported (?:on|by|for|with|in) [\w' -]{{1,40}}: {_NAMES}",
        rf"(?:does not|doesn't|not) support (?:the )?{_FIELD}:? [\[{{]?{_NAMES}",
        rf"additional properties are not allowed \({_NAMES}",
        rf"unexpected (?:keyword )?{_FIELD}:? {_NAMES}",
        # NVIDIA, and pydantic's own text
        r"((?:\w{1,64} -> ){0,8}\w{1,64})\s{1,8}extra (?:inputs|fields) (?:are )?not permitted",
    )
)
# Of a field, or of the value that it has.
_OF_EITHER: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"unsupported value: {_NAMES}",
        rf"({_ONE})(?: of type '\w{{1,64}}')? (?:is|are) (?:currently )?{_NOT_TAKEN}",
    )
)
# Groq, which says so amid what "must be satisfied": `'messages.1' : property 'reasoning' is unsupported`.
# Source: https://github.com/janhq/jan/issues/8136
_PROPERTY = re.compile(rf"property ({_ONE}) is unsupported", re.IGNORECASE)
_IN_MESSAGE = re.compile(r"'(messages\.\d{1,6})' : property '(\w{1,64})'")
# `the "flex" service_tier`
_QUOTED = re.compile(r"['\"`] $")
_NAME = re.compile(r"[\w.]+")
# One error of pydantic's list, written by Python's `repr` or as JSON inside a text.
_LISTED_ERROR = re.compile(r"extra_forbidden['\"\\]+,\s*[\\'\"]+loc[\\'\"]+:\s*[(\[]([^)\]]*)[)\]]")
_EXTRA = re.compile(r"extra", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_REFUSING = re.compile(
    r"not support|unsupported|unrecognized|unknown|not permitted|not allowed|deprecated|unexpected|extra ", re.IGNORECASE
)
_CODES_OF_FIELDS: Final = frozenset({"unsupported_parameter", "unknown_parameter"})
_CODES_OF_VALUES: Final = frozenset({"unsupported_value", "invalid_value"})


def words_of(error: UpstreamRefused) -> str:
    """All that the server says, a line for each sentence or list of them; fields of messages by their dotted paths."""
    words = "\n".join(dict.fromkeys(_texts(error.raw)) or (error.message,))[:_MAX_CHARS]
    return _IN_MESSAGE.sub(r"property '\1.\2'", words)


def names_in(error: UpstreamRefused, words: str) -> dict[str, bool]:
    """The fields that the server does not want, as dotted paths into the request (`messages.2.assistant.name`), in its own order.

    Of each whether it is its value that is refused, and the server may take others. What leaves that open is said of the value: it would be
    wrong to leave out what other clients say because of that.
    """
    places = (*_LISTED_ERROR.findall(words), *_PROPERTY.findall(words))
    found = [(name, False) for name in (*_listed(error.raw), *map(_dotted, places))]
    found += _said(_OF_FIELD, words, is_of_value=speaks_of_value(words))
    may_take = not takes_no_value(words)
    found += _said(_OF_EITHER, words, is_of_value=may_take and (error.code in _CODES_OF_VALUES or offers_others(words)))
    if error.param and error.code in _CODES_OF_FIELDS:
        found.append((_snake(error.param), False))
    elif error.param and (error.code == "unsupported_value" or _REFUSING.search(words)):
        found.append((_snake(error.param), may_take))
    names: dict[str, bool] = {}
    for name, is_of_value in found:
        names.setdefault(name.strip(".").removeprefix("body."), is_of_value)
    return names


def _said(sentences: Iterable[re.Pattern[str]], words: str, *, is_of_value: bool) -> Iterator[tuple[str, bool]]:
    for sentence in sentences:
        for found in sentence.finditer(words):
            is_of_this = is_of_value or words[found.end() :].startswith("=") or bool(_QUOTED.search(words[: found.start(1)]))
            for name in _NAME.findall(found[1].replace(" -> ", ".")):
                yield _snake(name), is_of_this


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    value = _decoded(value)
    if isinstance(value, str):
        yield value
    elif depth < _MAX_DEPTH and isinstance(value, list):
        for item in value:
            yield from _texts(item, depth + 1)
    elif depth < _MAX_DEPTH and isinstance(value, dict):
        if isinstance(value.get("loc"), list):
            yield f"{'.'.join(map(str, value['loc']))}: {value.get('msg')}"
            return
        for key in _WORD_KEYS:
            yield from _texts(value.get(key), depth + 1)


def _listed(value: object, depth: int = 0) -> Iterator[str]:
    """The places of pydantic's errors about fields too many: objects with `loc`, wherever they stand."""
    value = _decoded(value)
    if depth < _MAX_DEPTH and isinstance(value, list):
        for item in value:
            yield from _listed(item, depth + 1)
    elif depth < _MAX_DEPTH and isinstance(value, dict):
        place = value.get("loc")
        if isinstance(place, list) and _EXTRA.search(f"{value.get('type')} {value.get('msg')}"):
            yield ".".join(map(str, place))
        for key in _WORD_KEYS:
            yield from _listed(value.get(key), depth + 1)


def _decoded(value: object) -> object:
    """What a text says when it is JSON itself, as with gateways that put another server's answer into their own."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _dotted(place: str) -> str:
    return ".".join(_NAME.findall(place))


def _snake(name: str) -> str:
    return _CAMEL.sub(lambda letter: f"_{letter[1].lower()}", name)
