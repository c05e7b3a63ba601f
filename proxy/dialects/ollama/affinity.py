"""The affinity keys of relayed Ollama requests. The payload is as the client sent it: nothing in it need be what it should. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.canonical.affinity import NO_KEY, media_piece, opening_key, prompt_key, text_piece
from proxy.dialect import Payload


def chat_key(payload: Payload, upstream_model: str) -> bytes:
    """The key of a chat, as a request in another dialect with the same words has it."""
    messages = payload.get("messages")
    return opening_key(upstream_model, map(_turn, messages)) if isinstance(messages, list) else NO_KEY


def generate_key(payload: Payload, upstream_model: str) -> bytes:
    """The key of a generate: of a conversation of one turn, or of a text to be continued."""
    prompt, system = payload.get("prompt"), payload.get("system")
    if not isinstance(prompt, str):
        return NO_KEY
    if payload.get("raw") or payload.get("suffix"):
        return prompt_key(upstream_model, prompt)
    turns = [("system", iter([text_piece(system)]))] if isinstance(system, str) and system else []
    return opening_key(upstream_model, [*turns, ("user", _pieces(prompt, payload.get("images")))])


def no_key(payload: Payload, upstream_model: str) -> bytes:
    """None: nothing is continued."""
    return NO_KEY


def _turn(message: object) -> tuple[str, Iterator[str]]:
    if not isinstance(message, dict):
        return "", iter(())
    return str(message.get("role")).lower(), _pieces(message.get("content"), message.get("images"))


def _pieces(text: object, images: object) -> Iterator[str]:
    if isinstance(text, str) and text:
        yield text_piece(text)
    for image in images if isinstance(images, list) else ():
        if isinstance(image, str):
            yield media_piece(image)
