"""The affinity keys of relayed OpenAI requests. The payload is as the client sent it: nothing in it need be what it should. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.canonical.affinity import NO_KEY, media_piece, opening_key, prompt_key, text_piece


def affinity_key(payload: dict[str, Any], upstream_model: str) -> bytes:
    """The key of a request that goes to `upstream_model`, as a request in another dialect with the same words has it.

    `NO_KEY` when it continues nothing: vectors, or several prompts at once.
    """
    messages, prompt = payload.get("messages"), payload.get("prompt")
    if isinstance(messages, list):
        return opening_key(upstream_model, map(_turn, messages))
    if isinstance(prompt, str):
        return prompt_key(upstream_model, prompt)
    return NO_KEY


def _turn(message: object) -> tuple[str, Iterator[str]]:
    if not isinstance(message, dict):
        return "", iter(())
    return str(message.get("role")), _pieces(message.get("content"))


def _pieces(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield text_piece(content)
    elif isinstance(content, list):
        yield from (_piece(part) for part in content if isinstance(part, dict))


def _piece(part: dict[str, Any]) -> str:
    for member in ("text", "refusal"):
        if isinstance(text := part.get(member), str):
            return text_piece(text)
    for member, inner in (("image_url", "url"), ("input_audio", "data")):
        holder = part.get(member)
        data = holder.get(inner) if isinstance(holder, dict) else holder
        if isinstance(data, str):
            return media_piece(data)
    return ""
