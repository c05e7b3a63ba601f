"""Who asks: what tells clients apart, and the key that one came with."""

from __future__ import annotations

import re
from typing import Any

from proxy.wire.messages import Client

# What a header can carry; nothing else is a key.
_SECRET = re.compile(r"[!-~]+")


def client_of(environ: dict[str, Any]) -> Client:
    """The client of a request: known by its key, else by its address."""
    authorization: str = environ.get("HTTP_AUTHORIZATION", "")
    secret = _bearer(authorization) or environ.get("HTTP_X_API_KEY", "").strip()
    known_by = authorization or secret or environ.get("REMOTE_ADDR", "")
    # A number that means something in this process alone: a key must not stand anywhere by mistake.
    return Client(f"{hash(known_by):x}", secret if _SECRET.fullmatch(secret) else "")


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
