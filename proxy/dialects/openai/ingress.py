"""How OpenAI clients are answered: relayed where the upstream speaks OpenAI. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from proxy.canonical.catalog import ListedModel
from proxy.dialect import MAX_VECTORS_BYTES, RelayEndpoint
from proxy.dialects.openai.affinity import affinity_key
from proxy.dialects.openai.beginning import KEEP_ALIVE, begins, refusal_in
from proxy.dialects.openai.relay import RelayTail, error_object, usage_of
from proxy.dialects.openai.wholes import chunks_of, misfit_without_choices, misfit_without_vectors
from proxy.errors import ProxyError, UpstreamBroken


def render_error(error: ProxyError) -> bytes:
    """OpenAI's error body."""
    return orjson.dumps({"error": error_object(error)})


def _relay_endpoint(name: str, path: str, **more: Any) -> RelayEndpoint:
    return RelayEndpoint(f"openai.{name}", path, RelayTail, begins, KEEP_ALIVE, refusal_in, usage_of, affinity_key, render_error, **more)


CHAT = _relay_endpoint("chat", "/chat/completions", misfit_in=misfit_without_choices, as_stream=chunks_of)
COMPLETIONS = _relay_endpoint("completions", "/completions", misfit_in=misfit_without_choices, as_stream=chunks_of)
EMBEDDINGS = _relay_endpoint("embeddings", "/embeddings", misfit_in=misfit_without_vectors, max_bytes=MAX_VECTORS_BYTES)


def render_models(models: Sequence[ListedModel]) -> bytes:
    """The list of models, by the names that clients can use, each with all that its upstream says of it.

    Raises:
        UpstreamBroken: as `render_model`.
    """
    return _written({"object": "list", "data": [_entry(model) for model in models]})


def render_model(model: ListedModel) -> bytes:
    """One model, with all that its upstream says of it.

    Raises:
        UpstreamBroken: that is nested too deeply to be written.
    """
    return _written(_entry(model))


def _entry(model: ListedModel) -> dict[str, object]:
    card = model.card
    return {"object": "model", "created": card.created, "owned_by": card.owned_by, **card.raw, "id": model.name}


def _written(value: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise UpstreamBroken(f"the upstream's entry of the model can't be written as JSON: {error}") from error
