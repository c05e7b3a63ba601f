"""How servers that speak Anthropic's language are asked and read: the front of this folder's half for upstreams. Pure.

See `proxy.dialect.Egress`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.dialects.anthropic.building.requests import build_chat, build_count, build_prompt
from proxy.dialects.anthropic.models import build_models, next_models, read_models
from proxy.dialects.anthropic.reading import read_completion, read_error, stream_reader
from proxy.dialects.anthropic.repairs import repair
from proxy.errors import NotSupported, UpstreamRefused
from proxy.profiles import ANTHROPICS_HOST
from proxy.routing import Route
from proxy.wire.headers import bearer
from proxy.wire.messages import UpstreamCall
from proxy.wire.token_counts import read_count

__all__ = [
    "build_chat",
    "build_count",
    "build_embeddings",
    "build_models",
    "build_prompt",
    "headers",
    "key_headers",
    "name",
    "next_models",
    "read_completion",
    "read_count",
    "read_embeddings",
    "read_error",
    "read_models",
    "repair",
    "shorten",
    "stream_reader",
]

name = "anthropic"
headers: Mapping[str, str] = MappingProxyType({"anthropic-version": "2023-06-01"})

# Tokens of accounts, in the place of keys. Source: `claude setup-token`.
_ACCOUNT_TOKEN: Final = "sk-ant-oat"  # noqa: S105


def key_headers(key: str, host: str) -> dict[str, str]:
    """The headers that show `key` to the server `host`. Servers of other makers look for it in one of two places."""
    if key.startswith(_ACCOUNT_TOKEN):
        return bearer(key)
    return {"x-api-key": key} if host == ANTHROPICS_HOST else {"x-api-key": key, **bearer(key)}


def build_embeddings(request: EmbeddingsRequest, route: Route) -> UpstreamCall:
    """Raises `NotSupported`: there are no embeddings."""
    raise _no_embeddings(request)


def shorten(request: EmbeddingsRequest, error: UpstreamRefused) -> EmbeddingsRequest | None:
    """`None`: nothing was asked for."""
    return None


def read_embeddings(body: bytes, request: EmbeddingsRequest) -> EmbeddingsResult:
    """Raises `NotSupported`: nothing was asked for."""
    raise _no_embeddings(request)


def _no_embeddings(request: EmbeddingsRequest) -> NotSupported:
    message = f'"{request.model}" is on a server that speaks Anthropic\'s language, which has no embeddings'
    return NotSupported(message, status=400, param="model")  # SDKs ask again after a 501.
