"""The affinity keys of relayed Anthropic requests. The payload is as the client sent it: nothing in it need be what it should. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.canonical.affinity import NO_KEY, media_piece, opening_key, text_piece
from proxy.dialects.anthropic.billing import is_billing


def affinity_key(payload: dict[str, Any], upstream_model: str) -> bytes:
    """The key of a request that goes to `upstream_model`, as a request in another dialect with the same words has it."""
    messages = payload.get("messages")
    return opening_key(upstream_model, _turns(payload.get("system"), messages)) if isinstance(messages, list) else NO_KEY


def _turns(system: object, messages: list[object]) -> Iterator[tuple[str, Iterator[str]]]:
    if system:
        yield "system", (piece for piece in _pieces(system) if not is_billing(piece))
    for message in messages:
        if isinstance(message, dict):
            yield str(message.get("role")), _pieces(message.get("content"))


def _pieces(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield text_piece(content)
    elif isinstance(content, list):
        yield from (_piece(block) for block in content if isinstance(block, dict))


def _piece(block: dict[str, Any]) -> str:
    text, source = block.get("text"), block.get("source")
    if isinstance(text, str):
        return text_piece(text)
    data = (source.get("data") or source.get("url")) if isinstance(source, dict) else None
    return media_piece(data) if isinstance(data, str) else ""
