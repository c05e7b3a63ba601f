"""How OpenAI clients are answered: relayed where the upstream speaks OpenAI, translated where it speaks anything else. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import orjson

from proxy.canonical.catalog import EmbeddingsRequest, ListedModel
from proxy.dialect import MAX_VECTORS_BYTES, EmbeddingsEndpoint, RelayEndpoint, Stopwatch, TextEndpoint, TextRequest
from proxy.dialects.openai.admission import admit
from proxy.dialects.openai.affinity import affinity_key, response_affinity_key
from proxy.dialects.openai.answering.chat import ChatStreamRenderer, render_chat
from proxy.dialects.openai.answering.completions import CompletionStreamRenderer, render_completion
from proxy.dialects.openai.answering.embeddings import render_embeddings
from proxy.dialects.openai.asking import parse_chat, parse_completion, parse_embeddings
from proxy.dialects.openai.beginning import KEEP_ALIVE, begins
from proxy.dialects.openai.failures import render_error
from proxy.dialects.openai.foreign_state import without_foreign_state
from proxy.dialects.openai.relay import RelayTail, usage_of
from proxy.dialects.openai.responses import relay as response_relay
from proxy.dialects.openai.responses.asking import parse_response
from proxy.dialects.openai.responses.failures import render_error as render_response_error
from proxy.dialects.openai.responses.foreign_items import without_foreign_items
from proxy.dialects.openai.responses.rendering import ResponseStreamRenderer, render_response
from proxy.dialects.openai.wholes import chunks_of, misfit_without_choices
from proxy.errors import UpstreamBroken
from proxy.wire.messages import Purpose
from proxy.wire.refusals import misfit_without, refusal_in_whole


def never_locally(request: TextRequest | EmbeddingsRequest, stopwatch: Stopwatch) -> None:
    """`None`: every request of OpenAI's API asks a model for something."""


_SSE, _JSON = "text/event-stream; charset=utf-8", "application/json"
# Servers have more than one shape for vectors.
_no_vectors: Final = partial(misfit_without, names=(b'"data"', b'"embedding'))
_PASSED_ON = ("retry-after", "openai-processing-ms", "openai-version")


def _relay_endpoint(name: str, path: str, **more: Any) -> RelayEndpoint:
    return RelayEndpoint(
        f"openai.{name}",
        "openai",
        path,
        RelayTail,
        begins,
        KEEP_ALIVE,
        usage_of,
        affinity_key,
        render_error,
        answer_headers=_PASSED_ON,
        refusal_in=partial(refusal_in_whole, answers=("choices", "data")),
        **more,
    )


CHAT = _relay_endpoint("chat", "/chat/completions", misfit_in=misfit_without_choices, as_stream=chunks_of, pruned=without_foreign_state)
COMPLETIONS = _relay_endpoint("completions", "/completions", purpose=Purpose.EXTRA, misfit_in=misfit_without_choices, as_stream=chunks_of)
EMBEDDINGS = _relay_endpoint("embeddings", "/embeddings", purpose=Purpose.EXTRA, misfit_in=_no_vectors, max_bytes=MAX_VECTORS_BYTES)

RESPONSES = RelayEndpoint(
    name="openai.responses",
    dialect="openai",
    path="/responses",
    reader=response_relay.ResponseTail,
    begins=begins,
    keep_alive=KEEP_ALIVE,
    usage_of=response_relay.usage_of,
    affinity_key=response_affinity_key,
    render_error=render_error,
    answer_headers=_PASSED_ON,
    purpose=Purpose.EXTRA,
    is_optional=True,
    pruned=without_foreign_items,
    refusal_in=partial(refusal_in_whole, answers=("output",)),
    misfit_in=partial(misfit_without, names=(b'"output"', b'"status"')),
)
CHAT_TRANSLATED = TextEndpoint(
    name=CHAT.name,
    parse=parse_chat,
    answer_locally=never_locally,
    admit=admit,
    stream_renderer=ChatStreamRenderer,
    render_completion=render_chat,
    render_error=render_error,
    stream_type=_SSE,
    whole_type=_JSON,
)
COMPLETIONS_TRANSLATED = TextEndpoint(
    name=COMPLETIONS.name,
    parse=parse_completion,
    answer_locally=never_locally,
    admit=admit,
    stream_renderer=CompletionStreamRenderer,
    render_completion=render_completion,
    render_error=render_error,
    stream_type=_SSE,
    whole_type=_JSON,
)
RESPONSES_TRANSLATED = TextEndpoint(
    name=RESPONSES.name,
    parse=parse_response,
    answer_locally=never_locally,
    admit=admit,
    stream_renderer=ResponseStreamRenderer,
    render_completion=render_response,
    render_error=render_response_error,
    stream_type=_SSE,
    whole_type=_JSON,
)
EMBEDDINGS_TRANSLATED = EmbeddingsEndpoint(
    name=EMBEDDINGS.name,
    parse=parse_embeddings,
    answer_locally=never_locally,
    render_result=render_embeddings,
    render_error=render_error,
    whole_type=_JSON,
)


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
