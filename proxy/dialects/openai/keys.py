"""How OpenAI-compatible servers want to be shown a key. Pure."""

from __future__ import annotations

from proxy.profiles import AZURE_HOSTS
from proxy.wire.headers import bearer

# Azure's hosts take the key in a header of their own.
_AZURE_HOSTS = tuple(f".{host}" for host in AZURE_HOSTS)


def key_headers(key: str, host: str) -> dict[str, str]:
    """The headers that show `key` to the server `host`."""
    return {"api-key": key} if host.endswith(_AZURE_HOSTS) else bearer(key)
