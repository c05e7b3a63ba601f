"""Who asks: what tells clients apart, and the key that one came with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from proxy.wire.messages import Client

# What a header can carry; nothing else is a key.
_VALUE = re.compile(r"[\t\x20-\x7e]+")
_SECRET = re.compile(r"[!-~]+")
_QUERY_MEMBER = re.compile(r"[\w.~%=+-]+", re.ASCII)


def client_of(environ: dict[str, Any]) -> Client:
    """The client of a request: known by its key, else by its address."""
    authorization: str = environ.get("HTTP_AUTHORIZATION", "")
    secret = _bearer(authorization) or environ.get("HTTP_X_API_KEY", "").strip()
    known_by = authorization or secret or environ.get("REMOTE_ADDR", "")
    # A number that means something in this process alone: a key must not stand anywhere by mistake.
    return Client(f"{hash(known_by):x}", secret if _SECRET.fullmatch(secret) else "")


def headers_of(environ: dict[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Those headers of a request that are called so, in lower case, and can be sent on."""
    sent = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}", "").strip() for name in names}
    return {name: value for name, value in sent.items() if value and _VALUE.fullmatch(value)}


def query_of(environ: dict[str, Any], names: Sequence[str]) -> str:
    """Those members of a request's query that are called so, as they came. All others may be anything, keys too."""
    members = environ.get("QUERY_STRING", "").split("&")
    return "&".join(member for member in members if member.partition("=")[0] in names and _QUERY_MEMBER.fullmatch(member))


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
