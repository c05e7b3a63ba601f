"""Affinity keys: requests that begin alike have the same, so that they can be sent to the server that remembers the beginning. Pure.

A conversation is told by its model, its system prompt and its first user turn, which all its later requests begin with. Only so much of
each is looked at. Keys may coincide by chance; then two conversations share a server, which harms nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from zlib import crc32

from proxy.canonical.request import AudioPart, ChatRequest, ImagePart, Part, PromptRequest, RefusalPart, TextPart

NO_KEY = b""

_PIECE_CHARS = 2048
_TURNS = 8
_PIECES_OF_A_TURN = 8


def affinity_key(request: ChatRequest | PromptRequest, upstream_model: str) -> bytes:
    """The key of a request that goes to `upstream_model`."""
    if isinstance(request, PromptRequest):
        return prompt_key(upstream_model, request.prompt)
    return opening_key(upstream_model, ((message.role, map(_piece, message.parts)) for message in request.messages))


def opening_key(upstream_model: str, turns: Iterable[tuple[str, Iterable[str]]]) -> bytes:
    """The key of a conversation: of all up to the first turn of role `user`.

    Args:
        turns: the role of each, and its pieces as `text_piece` and `media_piece` cut them. Read no further than needed.
    """
    # A checksum takes a fifth of the time of the fastest digest, and nobody can win anything by a key that coincides.
    key = crc32(upstream_model.encode("utf-8", "surrogatepass"))
    for role, pieces in islice(turns, _TURNS):
        for piece in islice(pieces, _PIECES_OF_A_TURN):
            key = crc32(piece.encode("utf-8", "surrogatepass"), key)
        if role == "user":
            break
    return key.to_bytes(4, "big")


def prompt_key(upstream_model: str, prompt: str) -> bytes:
    """The key of a text that is to be continued. Where its first turn ends cannot be seen: its beginning must do."""
    return opening_key(upstream_model, [("user", [text_piece(prompt)])])


def text_piece(text: str) -> str:
    """What is looked at of a text: its beginning. Long texts with the same beginning are the same to a server's memory too."""
    return text[:_PIECE_CHARS]


def media_piece(data: str) -> str:
    """What is looked at of a picture or sound, in base64 or as a URL: its end. All that a camera makes begins alike."""
    return data[-_PIECE_CHARS:]


def _piece(part: Part) -> str:
    match part:
        case TextPart() | RefusalPart():
            return text_piece(part.text)
        case ImagePart():
            return media_piece(part.data or part.url)
        case AudioPart():
            return media_piece(part.data)
        case _:
            return ""
