"""How OpenAI clients are answered: relayed where the upstream speaks OpenAI. Pure."""

from __future__ import annotations

import orjson

from proxy.canonical.catalog import ModelCard
from proxy.dialect import RelayEndpoint
from proxy.dialects.openai.relay import RelayTail, error_object, usage_of
from proxy.errors import ProxyError, UpstreamBroken


def render_error(error: ProxyError) -> bytes:
    """OpenAI's error body."""
    return orjson.dumps({"error": error_object(error)})


def _relay_endpoint(name: str, path: str) -> RelayEndpoint:
    return RelayEndpoint(f"openai.{name}", path, RelayTail, usage_of, render_error)


CHAT = _relay_endpoint("chat", "/chat/completions")
COMPLETIONS = _relay_endpoint("completions", "/completions")
EMBEDDINGS = _relay_endpoint("embeddings", "/embeddings")


def render_model(card: ModelCard, name: str) -> bytes:
    """One model under the id that the client asked for, with all that its upstream says of it.

    Raises:
        UpstreamBroken: that is nested too deeply to be written.
    """
    known = {"object": "model", "created": card.created, "owned_by": card.owned_by}
    try:
        return orjson.dumps({**known, **card.raw, "id": name})
    except orjson.JSONEncodeError as error:
        raise UpstreamBroken(f"the upstream's entry of the model can't be written as JSON: {error}") from error
