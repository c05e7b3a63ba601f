"""Reads requests to `/api/generate`. Pure."""

from __future__ import annotations

from proxy.canonical.request import ChatRequest, PromptRequest
from proxy.dialect import Payload


def parse_generate(payload: Payload) -> ChatRequest | PromptRequest:
    """A conversation of one turn; a plain continuation where `raw` or `suffix` asks for one. Without a prompt it is a load or unload: see
    `load_reason`. Raises `InvalidRequest`, and `ModelNotFound` when no model is named.
    """
    raise NotImplementedError
