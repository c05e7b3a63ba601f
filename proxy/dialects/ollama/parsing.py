"""How Ollama clients' requests are read: one function per endpoint, from decoded JSON to a frozen value. Pure.

What Ollama's own server would refuse is refused here with its status and, where clients may look at it, its words.
"""

from __future__ import annotations

from proxy.dialects.ollama.chat import parse_chat
from proxy.dialects.ollama.embeddings import parse_embed, parse_embeddings
from proxy.dialects.ollama.generate import parse_generate
from proxy.dialects.ollama.loading import KEEP_ALIVE, LoadReason, load_reason
from proxy.dialects.ollama.management import (
    CopyRequest,
    CreateRequest,
    DeleteRequest,
    ShowRequest,
    TransferRequest,
    parse_copy,
    parse_create,
    parse_delete,
    parse_pull,
    parse_push,
    parse_show,
)

__all__ = [
    "KEEP_ALIVE",
    "CopyRequest",
    "CreateRequest",
    "DeleteRequest",
    "LoadReason",
    "ShowRequest",
    "TransferRequest",
    "load_reason",
    "parse_chat",
    "parse_copy",
    "parse_create",
    "parse_delete",
    "parse_embed",
    "parse_embeddings",
    "parse_generate",
    "parse_pull",
    "parse_push",
    "parse_show",
]
