"""Says no where a model is known to lack what a request needs. Pure.

Only a card that lists capabilities can refuse: what nobody has said of a model, it is allowed to try. Whether a model thinks is not looked
at: who asks for little or much of it is answered without, as OpenAI's clients expect that go through gateways.
"""

from __future__ import annotations

from proxy.canonical.catalog import ModelCard
from proxy.canonical.request import ChatRequest
from proxy.dialect import TextRequest
from proxy.errors import InvalidRequest


def admit(request: TextRequest, card: ModelCard | None) -> None:
    """Raises `InvalidRequest` when the card says that the model makes no text, or calls no tools and is asked to."""
    if card is None or card.capabilities is None:
        return
    if "completion" not in card.capabilities:
        raise InvalidRequest(f"The model '{request.model}' does not chat.", param="model", code="unsupported_model")
    if isinstance(request, ChatRequest) and request.tools and "tools" not in card.capabilities:
        raise InvalidRequest(f"The model '{request.model}' does not support tools.", param="tools", code="unsupported_parameter")
