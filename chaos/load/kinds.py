"""The kinds of clients, and what each sends. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from chaos.orders import MODEL, Order

Dialect = Literal["ollama", "openai"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of client. `library` says that the official one asks, and judges; its kind of answer is always a stream."""

    name: str
    dialect: Dialect
    streams: bool
    library: bool = False

    @property
    def path(self) -> str:
        return "/api/chat" if self.dialect == "ollama" else "/v1/chat/completions"

    def body(self, order: Order) -> bytes:
        """What is sent for an order."""
        payload: Mapping[str, Any] = {"model": MODEL, "messages": messages(order), "stream": self.streams}
        if self.dialect == "openai" and self.streams:
            payload = {**payload, "stream_options": {"include_usage": True}}
        return orjson.dumps(payload)


def messages(order: Order) -> list[dict[str, str]]:
    """The conversation of an order."""
    return [{"role": "user", "content": order.prompt}]


OLLAMA_STREAM = Kind("Ollama, stream", "ollama", streams=True)
OLLAMA_WHOLE = Kind("Ollama, whole", "ollama", streams=False)
OPENAI_STREAM = Kind("OpenAI, stream", "openai", streams=True)
OPENAI_WHOLE = Kind("OpenAI, whole", "openai", streams=False)
OLLAMA_LIBRARY = Kind("ollama-python", "ollama", streams=True, library=True)
OPENAI_LIBRARY = Kind("openai-python", "openai", streams=True, library=True)

RAW = (OLLAMA_STREAM, OPENAI_STREAM, OLLAMA_WHOLE, OPENAI_WHOLE)
EVERYBODY = (*RAW, OLLAMA_LIBRARY, *RAW, OPENAI_LIBRARY)
"""In turns. Libraries are slower than the rest, and there to have the last word on what they understand."""
