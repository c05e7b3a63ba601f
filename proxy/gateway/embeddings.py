"""The way of an embeddings request: parse -> route -> build -> send -> read -> render."""

from __future__ import annotations

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.canonical.completion import Usage
from proxy.dialect import EmbeddingsEndpoint, Payload, Stopwatch
from proxy.errors import UpstreamRefused
from proxy.gateway.noting import note_end
from proxy.gateway.steps import Steps
from proxy.routing import Route
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import Reply

MAX_SHORTENINGS = 3


def embed(steps: Steps, payload: Payload, endpoint: EmbeddingsEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch) -> Reply:
    """Vectors for the client's texts.

    Raises:
        ProxyError: for everything that goes wrong.
    """
    request = endpoint.parse(steps.with_default_model(payload))
    notes.model = request.model
    answer = endpoint.answer_locally(request, stopwatch)
    if answer is None:
        route, _ = steps.route(request.model, notes)
        result = steps.with_repairs(route, notes, lambda repaired: _vectors(steps, request, repaired, notes))
        note_end(notes, Usage(prompt_tokens=result.prompt_tokens), "")
        answer = endpoint.render_result(result, request, stopwatch)
    return Reply(200, endpoint.whole_type, answer)


def _vectors(steps: Steps, request: EmbeddingsRequest, route: Route, notes: ExchangeNotes) -> EmbeddingsResult:
    """The vectors, of shortened texts if need be and allowed."""
    shortenings = 0
    while True:
        try:
            return _answer(steps, request, route, notes)
        except UpstreamRefused as refusal:
            shorter = steps.upstream.egress.shorten(request, refusal) if shortenings < MAX_SHORTENINGS else None
            if shorter is None:
                raise
            request = shorter
            shortenings += 1


def _answer(steps: Steps, request: EmbeddingsRequest, route: Route, notes: ExchangeNotes) -> EmbeddingsResult:
    """The vectors. An error that came with a status of success is tried again, as one with a status of its own was by then."""
    upstream = steps.upstream
    while True:
        body = steps.fetch(upstream.egress.build_embeddings(request, route), notes)
        try:
            result = upstream.egress.read_embeddings(body, request)
        except UpstreamRefused as error:
            if not upstream.client.ask_again(error, notes):
                raise
        else:
            upstream.client.answered(notes.upstream_model)
            return result
