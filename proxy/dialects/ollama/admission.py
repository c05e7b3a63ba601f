"""Says no where a model is known to lack what a request needs. Pure.

Only a card that lists capabilities can refuse: what nobody has said of a model, it is allowed to try.
"""

from __future__ import annotations

from proxy.canonical.catalog import ModelCard
from proxy.dialect import TextRequest


def admit_chat(request: TextRequest, card: ModelCard | None) -> None:
    """Raises `InvalidRequest`, in Ollama's words, when the card says that the model can't chat, use tools or think as asked."""
    raise NotImplementedError


def admit_generate(request: TextRequest, card: ModelCard | None) -> None:
    """Raises `InvalidRequest`, in Ollama's words, when the card says that the model can't generate, insert or think as asked."""
    raise NotImplementedError
