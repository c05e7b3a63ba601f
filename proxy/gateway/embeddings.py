"""The way of an embeddings request: parse -> route -> build -> send -> read -> render."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from proxy.canonical.affinity import NO_KEY
from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.canonical.completion import Usage
from proxy.dialect import MAX_VECTORS_BYTES, EmbeddingsEndpoint, Payload, Stopwatch
from proxy.errors import UpstreamRefused
from proxy.gateway.fallback import served
from proxy.gateway.noting import note_end
from proxy.gateway.steps import Goal, Steps
from proxy.gateway.wholes import read_whole_of
from proxy.routing import Destination, Route
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import ANYBODY, Client, Reply, UpstreamCall

MAX_SHORTENINGS = 3


@dataclass(slots=True)
class Embedding:
    """One request, as all its destinations are asked."""

    steps: Steps
    request: EmbeddingsRequest
    notes: ExchangeNotes
    client: Client

    def vectors(self, goal: Goal) -> EmbeddingsResult:
        """The vectors."""
        route = self.steps.route(goal.destination, self.request.model, self.notes)
        result = self.steps.with_repairs(route, self.notes, partial(self._joined, goal), partial(self._calls, goal))
        return replace(result, stand_in=route.upstream_model) if goal.destination.stands_in else result

    def _joined(self, goal: Goal, route: Route) -> EmbeddingsResult:
        """The vectors, asked for in parts where the upstream takes only so many texts at once."""
        parts = [self._shortened(goal, part, route) for part in self._parts(route)]
        if len(parts) == 1:
            return parts[0]
        counts = [part.prompt_tokens for part in parts if part.prompt_tokens is not None]
        return EmbeddingsResult(
            tuple(vector for part in parts for vector in part.vectors), sum(counts) if len(counts) == len(parts) else None
        )

    def _parts(self, route: Route) -> list[EmbeddingsRequest]:
        request, most = self.request, route.profile.texts_at_once
        if most is None or len(request.inputs) <= most:
            return [request]
        return [replace(request, inputs=request.inputs[start : start + most]) for start in range(0, len(request.inputs), most)]

    def _calls(self, goal: Goal, route: Route) -> list[UpstreamCall]:
        return [goal.upstream.egress.build_embeddings(part, route) for part in self._parts(route)]

    def _shortened(self, goal: Goal, request: EmbeddingsRequest, route: Route) -> EmbeddingsResult:
        """The vectors, of shortened texts if need be and allowed."""
        shortenings = 0
        while True:
            try:
                return self._answer(goal, request, route)
            except UpstreamRefused as refusal:
                shorter = goal.upstream.egress.shorten(request, refusal) if shortenings < MAX_SHORTENINGS else None
                if shorter is None:
                    raise
                request = shorter
                shortenings += 1

    def _answer(self, goal: Goal, request: EmbeddingsRequest, route: Route) -> EmbeddingsResult:
        egress = goal.upstream.egress
        call = self.steps.signed(egress.build_embeddings(request, route), goal, self.client, lambda _: NO_KEY)
        return read_whole_of(goal.upstream, call, self.notes, lambda body: egress.read_embeddings(body, request), MAX_VECTORS_BYTES)


def embed(
    steps: Steps, payload: Payload, endpoint: EmbeddingsEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch, client: Client = ANYBODY
) -> Reply:
    """Vectors for the client's texts.

    Raises:
        ProxyError: for everything that goes wrong.
    """
    request = endpoint.parse(steps.with_default_model(payload))
    notes.model = request.model
    answer = endpoint.answer_locally(request, stopwatch)
    if answer is None:
        chain = steps.chain(request.model, client)
        result = served(steps, chain, notes, client, Embedding(steps, request, notes, client).vectors, may_embed)
        note_end(notes, Usage(prompt_tokens=result.prompt_tokens), "")
        answer = endpoint.render_result(result, request, stopwatch)
    return Reply(200, endpoint.whole_type, answer)


def may_embed(destination: Destination) -> bool:
    """Whether a fallback is not known to make other things than vectors."""
    card = destination.card
    return card is None or card.capabilities is None or "embedding" in card.capabilities
