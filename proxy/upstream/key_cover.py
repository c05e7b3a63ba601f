"""Keeps the operator's key in the house: some servers repeat a key that they refuse, and not all keys look like keys."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import orjson

from proxy.errors import UpstreamError, UpstreamRefused

_COVER = "[key]"
# Words such as `EMPTY`, `none` and `123` are given to servers that want no key: no secrets, and parts of words that messages need.
_SHORTEST_SECRET = 4
_LONGEST_PLACEHOLDER = 6


class KeyCover:
    """Puts `[key]` where one of `keys` stands in what an upstream says.

    A real key is covered wherever it stands, in all its spellings; one that is a placeholder, only where it is a word by itself.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        told = {key.strip() for key in keys} - {""}
        secrets = [key for key in told if not _is_placeholder(key)]
        spellings = sorted({form for key in secrets for form in _spellings(key)}, key=len, reverse=True)
        words = [rf"(?<!\w){re.escape(key)}(?!\w)" for key in sorted(told.difference(secrets))]
        patterns = [*map(re.escape, spellings), *words]
        self._in_text = re.compile("|".join(patterns)) if patterns else None
        self._in_bytes = re.compile("|".join(map(re.escape, spellings)).encode()) if spellings else None

    def over_body(self, body: bytes) -> bytes:
        """An error body without the keys; JSON stays JSON. Placeholders stay: they may be names of members."""
        return body if self._in_bytes is None else self._in_bytes.sub(_COVER.encode(), body)

    def over_error(self, error: UpstreamError) -> None:
        """Covers the keys in all that `error` tells."""
        if self._in_text is None:
            return
        error.message = self._over(error.message)
        error.args = (error.message,)
        error.param, error.code = self._over(error.param), self._over(error.code)
        if isinstance(error, UpstreamRefused):
            error.raw, error.headers = self._over(error.raw), self._over(dict(error.headers))

    def _over(self, value: Any) -> Any:
        """`value` with its texts covered, down to the last."""
        if isinstance(value, str):
            return self._in_text.sub(_COVER, value) if self._in_text else value
        if isinstance(value, list):
            return [self._over(item) for item in value]
        if isinstance(value, dict):
            return {name: self._over(item) for name, item in value.items()}
        return value


def _is_placeholder(key: str) -> bool:
    return len(key) < _SHORTEST_SECRET or (len(key) <= _LONGEST_PLACEHOLDER and (key.isalpha() or key.isdigit()))


def _spellings(key: str) -> Iterator[str]:
    """`key` as it is, and as JSON, URLs and HTML write it."""
    yield key
    for text in (orjson.dumps(key).decode()[1:-1], json.dumps(key)[1:-1]):
        yield text
        yield text.replace("/", "\\/")
    yield quote(key, safe="")
    yield quote_plus(key)
    yield html.escape(key)
