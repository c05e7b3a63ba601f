"""The same fork as in `forked.py` for what is no text: vectors, and numbers of tokens. They are no streams."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

from proxy.canonical.completion import Usage
from proxy.dialect import CountEndpoint, EmbeddingsEndpoint, Payload, Stopwatch
from proxy.errors import InvalidRequest
from proxy.gateway.counting import Counting
from proxy.gateway.embeddings import Embedding, embed, may_embed
from proxy.gateway.fallback import served, suits_anybody
from proxy.gateway.forked import Crossing
from proxy.gateway.noting import note_end
from proxy.gateway.relayed import Relayed, RelayedStream, RelayedWhole
from proxy.gateway.relaying import Relaying, relay, relayed_reply
from proxy.gateway.sent import Sent
from proxy.gateway.steps import Goal, note_destination
from proxy.routing import Destination
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import Client, Reply

W = TypeVar("W")
T = TypeVar("T")


class _Asked(Generic[W, T]):
    """One request, as all its destinations are asked.

    Args:
        read: makes the work for upstreams of other languages. Raises `InvalidRequest`.
        do: does it at one of them.
        can_do: whether a fallback of another language is not known to lack what the request needs.
    """

    def __init__(
        self,
        crossing: Crossing,
        relaying: Relaying,
        sent: Sent,
        read: Callable[[Payload], W],
        do: Callable[[W, Goal], T],
        can_do: Callable[[Destination], bool] = suits_anybody,
    ) -> None:
        self._crossing = crossing
        self._relaying = relaying
        self._sent = sent
        self._read = read
        self._do = do
        self._can_do = can_do

    @cached_property
    def work(self) -> W:
        """What the client means, read when somebody must know. Raises `InvalidRequest`."""
        return self._read(self._crossing.steps.with_default_model(self._sent.whole()))

    def serve(self, goal: Goal) -> Relayed | T:
        """The answer."""
        return self._crossing.served(goal, self._relaying, lambda goal: self._do(self.work, goal))

    def suits(self, destination: Destination) -> bool:
        """Whether a fallback may serve."""
        if self._crossing.is_relayed(destination):
            return True
        try:
            return self.work is not None and self._can_do(destination)
        except InvalidRequest:
            return False


def answer_vectors(
    crossing: Crossing, sent: Sent, endpoint: EmbeddingsEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch, client: Client
) -> Reply:
    """Vectors for the client's texts.

    Raises:
        ProxyError: for everything that goes wrong.
    """
    steps, own, model = crossing.steps, crossing.own, crossing.model
    chain = crossing.chain(client)
    one_way = crossing.one_way(chain)
    if one_way is not None:
        if one_way:
            return relay(steps, crossing.own_words(), own, notes, client)
        return embed(steps, sent.taken(), endpoint, notes, stopwatch, client)

    def read(payload: Payload) -> Embedding:
        return Embedding(steps, endpoint.parse(payload), notes, client)

    relaying = Relaying(steps, crossing.own_words(), model, own, notes, client)
    asked = _Asked(crossing, relaying, sent, read, Embedding.vectors, may_embed)
    notes.model = model
    note_destination(notes, chain[0])
    if not crossing.is_relayed(chain[0]):
        local = endpoint.answer_locally(asked.work.request, stopwatch)
        if local is not None:
            return Reply(200, endpoint.whole_type, local)
    result = served(steps, chain, notes, client, asked.serve, asked.suits)
    if isinstance(result, RelayedStream | RelayedWhole):
        return relayed_reply(result, steps, own, notes)
    note_end(notes, Usage(prompt_tokens=result.prompt_tokens), "")
    return Reply(200, endpoint.whole_type, endpoint.render_result(result, asked.work.request, stopwatch))


def count(crossing: Crossing, sent: Sent, endpoint: CountEndpoint, notes: ExchangeNotes, client: Client) -> Reply:
    """How many tokens the client's request has; about how many, where an upstream of the client's own language does not count.

    Raises:
        ProxyError: for everything that goes wrong.
    """
    steps, own, model = crossing.steps, crossing.own, crossing.model
    chain = crossing.chain(client)

    def read(payload: Payload) -> Counting:
        return Counting(steps, crossing.lacking, endpoint, endpoint.parse(payload), notes, client)

    relaying = Relaying(steps, crossing.own_words(), model, own, notes, client)
    asked = _Asked(crossing, relaying, sent, read, Counting.tokens)
    notes.model = model
    if not crossing.speaks(chain[0]):
        notes.model = asked.work.request.model
        chain = chain if model else steps.chain(notes.model, client)
    note_destination(notes, chain[0])

    def estimated(_: Goal) -> int:
        """What that upstream would take may be more than can be read here."""
        try:
            return endpoint.estimate(asked.work.request)
        except InvalidRequest:
            return endpoint.estimate_unread(sent.whole())

    def tokens(goal: Goal) -> Relayed | int:
        return crossing.served(goal, relaying, estimated) if crossing.speaks(goal.destination) else asked.serve(goal)

    result = served(steps, chain, notes, client, tokens, lambda destination: crossing.speaks(destination) or asked.suits(destination))
    if isinstance(result, RelayedStream | RelayedWhole):
        return relayed_reply(result, steps, own, notes)
    note_end(notes, Usage(), "")
    return Reply(200, endpoint.whole_type, endpoint.render_count(result))
