"""Where an upstream is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus, urlsplit

from proxy.errors import InvalidRequest

_KEY_NAME = re.compile(r"key|token|secret|sig|code|auth|pass", re.IGNORECASE)
_SAFE_IN_PATH = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL. What Azure wants in its query (`?api-version=...`) stays at the end of each URL."""

    base: str
    query: str
    host: str

    @classmethod
    def parse(cls, base_url: str) -> Address:
        """The address that the operator wrote."""
        base, _, query = base_url.strip().partition("#")[0].partition("?")
        return cls(base.rstrip("/"), query, urlsplit(base).hostname or "")

    def url(self, path: str, query: str = "") -> str:
        """The URL of `path`, which comes from clients in part, and `query`, which is quoted already.

        Raises:
            InvalidRequest: the path would lead out of the base URL.
        """
        if any(segment in (".", "..") for segment in path.split("/")):
            raise InvalidRequest("the path must not hold . or .. segments")
        url = self.base + quote(path, safe=_SAFE_IN_PATH)
        queries = "&".join(filter(None, (query, self.query)))
        return f"{url}?{queries}" if queries else url

    def query_keys(self) -> Iterator[str]:
        """The keys that the query holds, by the names they have there, as they are and as they are written."""
        for member in self.query.split("&"):
            name, _, value = member.partition("=")
            if _KEY_NAME.search(name):
                yield from (value, unquote_plus(value))
