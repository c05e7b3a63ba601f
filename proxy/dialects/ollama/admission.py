"""Says no where a model is known to lack what a request needs. Pure.

Only a card that lists capabilities can refuse: what nobody has said of a model, it is allowed to try. Pictures are not looked at: Ollama
leaves them to the model too. Ollama joins several missing capabilities by newlines; but a model that can't even chat is told just that, and
beyond it each endpoint needs at most one, so there is never more than one to name.
Source: `server/routes.go` ChatHandler and GenerateHandler, `server/images.go` CheckCapabilities.
"""

from __future__ import annotations

from proxy.canonical.catalog import ModelCard
from proxy.canonical.request import ChatRequest, PromptRequest
from proxy.dialect import TextRequest
from proxy.dialects.ollama.loading import load_reason
from proxy.dialects.ollama.names import qualified_name
from proxy.errors import InvalidRequest
from proxy.wire.golang import quoted


def admit_chat(request: TextRequest, card: ModelCard | None) -> None:
    """Raises `InvalidRequest`, in Ollama's words, when the card says that the model can't chat, use tools or think as asked."""
    uses_tools = isinstance(request, ChatRequest) and request.tools
    _admit(request, card, "chat", needed="tools" if uses_tools else "completion", field="tools")


def admit_generate(request: TextRequest, card: ModelCard | None) -> None:
    """Raises `InvalidRequest`, in Ollama's words, when the card says that the model can't generate, insert or think as asked."""
    inserts = isinstance(request, PromptRequest) and request.suffix
    _admit(request, card, "generate", needed="insert" if inserts else "completion", field="suffix")


def _admit(request: TextRequest, card: ModelCard | None, deed: str, needed: str, field: str) -> None:
    if card is None or card.capabilities is None or load_reason(request) == "unload":
        return
    if _thinks(request) and "thinking" not in card.capabilities:
        raise InvalidRequest(f"{quoted(request.model)} does not support thinking", param="think")
    if "completion" not in card.capabilities:
        raise InvalidRequest(f"{quoted(request.model)} does not support {deed}", param="model")
    if needed not in card.capabilities:
        raise InvalidRequest(f"{qualified_name(request.model)} does not support {needed}", param=field)


def _thinks(request: TextRequest) -> bool:
    return isinstance(request, ChatRequest) and request.reasoning not in (None, "off")
