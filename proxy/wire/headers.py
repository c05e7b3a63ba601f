"""The headers of an upstream's answer, as they may stand in an answer to a client; and the usual one of requests. Pure.

Servers reject an answer of ours that holds a header which is no legal HTTP; what an upstream gets wrong must not become that.

Source: RFC 9110, sections 5.1 and 5.5.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_RATE_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-")


def passed_on(headers: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Those of `headers` (lower-case names) that are among `names`, or tell of rate limits, and are legal."""
    return {
        name: value
        for name, value in headers.items()
        if (name in names or (name.startswith(_RATE_LIMITS) and _NAME.fullmatch(name))) and _VALUE.fullmatch(value)
    }


def content_type(headers: Mapping[str, str], default: str) -> str:
    """What an answer calls itself; `default` where it says nothing, or nothing legal."""
    said = headers.get("content-type", "")
    return said if said and _VALUE.fullmatch(said) else default


def bearer(key: str, _: str = "") -> dict[str, str]:
    """The header that shows a key where nothing else is asked for; none without a key."""
    return {"Authorization": f"Bearer {key}"} if key else {}
