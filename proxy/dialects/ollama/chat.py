"""Reads requests to `/api/chat`. Pure."""

from __future__ import annotations

from proxy.canonical.request import ChatRequest
from proxy.dialect import Payload


def parse_chat(payload: Payload) -> ChatRequest:
    """The conversation to be continued. Without messages it is a load or unload: see `load_reason`. Raises `InvalidRequest`."""
    raise NotImplementedError
