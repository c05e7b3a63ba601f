"""The way of a request whose client speaks the language of some upstreams: to those go its own bytes, to others what it means.

One chain of destinations may hold both. What an upstream of the client's own language turns out not to have is translated for it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from operator import methodcaller
from typing import TypeVar

from proxy.canonical.completion import Completion
from proxy.dialect import RelayEndpoint, Stopwatch, TextEndpoint
from proxy.errors import InvalidRequest, ProxyError, UpstreamRefused
from proxy.gateway.conversation import Conversation
from proxy.gateway.errands import Errand, signs_until_done
from proxy.gateway.fallback import served
from proxy.gateway.lacking import LackingPaths, in_own_words
from proxy.gateway.noting import note_late_failure
from proxy.gateway.opening import Opening
from proxy.gateway.relayed import Relayed, RelayedStream, RelayedWhole
from proxy.gateway.relaying import Relaying, asked_model, relay, relayed_reply
from proxy.gateway.sent import OwnWords, Sent
from proxy.gateway.several import Several, SeveralOpenings
from proxy.gateway.steps import Goal, Steps, note_destination
from proxy.gateway.texts import Texts
from proxy.routing import Destination
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import Client, Reply

T = TypeVar("T")

_let_go = methodcaller("close")


class Crossing:
    """Where one request may go as it is, and where only what it means.

    Args:
        own: how upstreams of the client's own language are asked.

    Attributes:
        lacking: the URLs that upstreams turned out not to have.
    """

    def __init__(self, steps: Steps, lacking: LackingPaths, own: RelayEndpoint, sent: Sent) -> None:
        self.steps = steps
        self.own = own
        self.model = asked_model(steps, sent.payload, own)
        self.lacking = lacking
        self._sent = sent

    def own_words(self) -> OwnWords:
        """What upstreams of the client's own language get."""
        return OwnWords(self._sent, self.own.pruned)

    def speaks(self, destination: Destination) -> bool:
        """Whether the destination speaks the client's language, whatever URLs it has."""
        return self.steps.upstream(destination.upstream).egress.name == self.own.dialect

    def is_relayed(self, destination: Destination) -> bool:
        """Whether the destination gets the client's own bytes."""
        return (
            self.speaks(destination)
            and (destination.upstream, self.own.path) not in self.lacking
            and not (self.own.is_optional and self.own.path in self.steps.profile(destination).odd_paths)
        )

    def chain(self, client: Client) -> Sequence[Destination]:
        """Where the request leads, from who sends it. Raises `ModelNotFound`."""
        return self.steps.chain(self.model, client) if self.model else (self.steps.default_destination(),)

    def one_way(self, chain: Sequence[Destination]) -> bool | None:
        """Whether all destinations get the client's own bytes, or none; `None` where that differs, or may turn out to."""
        are_relayed = {self.is_relayed(destination) for destination in chain}
        if are_relayed == {False}:
            return False
        return True if are_relayed == {True} and not self.own.is_optional else None

    def served(self, goal: Goal, relaying: Relaying, translated: Callable[[Goal], T]) -> Relayed | T:
        """The upstream's own answer; what `translated` returns where it has none."""
        own, destination = self.own, goal.destination
        if not self.is_relayed(destination):
            return translated(goal)
        try:
            return relaying.open(goal)
        except UpstreamRefused as refusal:
            if not own.is_optional:
                raise
            told = in_own_words(refusal, own.path, self._sent.body)
            if told is not refusal:
                raise told from refusal
            if not self.lacking.learn(destination.upstream, own.path, refusal, destination.upstream_model):
                raise
        return translated(goal)


class _Asked:
    """One request for a text, as all its destinations are asked."""

    def __init__(
        self,
        crossing: Crossing,
        chain: Sequence[Destination],
        texts: Texts,
        text: TextEndpoint,
        relaying: Relaying,
        sent: Sent,
        stopwatch: Stopwatch,
    ) -> None:
        self.text = text
        self.relaying = relaying
        self.notes = relaying.notes
        self.stopwatch = stopwatch
        self._crossing = crossing
        self._chain = chain
        self._texts = texts
        self._sent = sent

    @cached_property
    def conversation(self) -> Conversation | Several:
        """What the client means, read when somebody must know. Raises `InvalidRequest`."""
        request = self.text.parse(self._crossing.steps.with_default_model(self._sent.whole()))
        return self._texts.conversation(request, self._chain, self.notes, self.stopwatch, self.relaying.client)

    def open(self, goal: Goal) -> Opening | SeveralOpenings | Relayed:
        """An answer that has begun."""
        return self._crossing.served(goal, self.relaying, self._open)

    def complete(self, goal: Goal) -> Completion | Relayed:
        """The whole answer."""
        return self._crossing.served(goal, self.relaying, self._complete)

    def _open(self, goal: Goal) -> Opening | SeveralOpenings:
        return self.conversation.open(goal)

    def _complete(self, goal: Goal) -> Completion:
        return self.conversation.complete(goal)

    def suits(self, destination: Destination) -> bool:
        """Whether a fallback is not known to lack what the request needs."""
        if self._crossing.is_relayed(destination):
            return True
        try:
            request = self.conversation.request
        except InvalidRequest:
            return False
        return self.text.answer_locally(request, self.stopwatch) is None and self._texts.suits(self.text, request, destination)

    def admit(self, destination: Destination) -> bytes | None:
        """The whole answer, where the first destination has not to be asked. Raises `InvalidRequest`."""
        if self._crossing.is_relayed(destination):
            return None
        request = self.conversation.request
        self.text.admit(request, self._texts.card(destination))
        return self.text.answer_locally(request, self.stopwatch)


def answer(
    crossing: Crossing, texts: Texts, sent: Sent, text: TextEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch, client: Client
) -> Reply:
    """The answer, as a stream or whole, as the client wished.

    Raises:
        ProxyError: for everything that goes wrong before the first byte, unless the status of a stream has not been open any longer.
    """
    steps, own, model = crossing.steps, crossing.own, crossing.model
    chain = crossing.chain(client)
    one_way = crossing.one_way(chain)
    if one_way is not None:
        if one_way:
            return relay(steps, crossing.own_words(), own, notes, client)
        return texts.converse(sent.taken(), text, notes, stopwatch, client)
    asked = _Asked(crossing, chain, texts, text, Relaying(steps, crossing.own_words(), model, own, notes, client), sent, stopwatch)
    notes.model, notes.stream = model, own.wants_stream(sent.payload)
    note_destination(notes, chain[0])
    local = asked.admit(chain[0])
    if local is not None:
        return Reply(200, text.whole_type, local)
    if not notes.stream:
        return _whole_reply(served(steps, chain, notes, client, asked.complete, asked.suits), asked, steps, texts)
    errand: Errand[Opening | SeveralOpenings | Relayed] = steps.errands.begin(
        partial(served, steps, chain, notes, client, asked.open, asked.suits), _let_go, steps.upstream(chain[0].upstream).commit_s
    )
    if not errand.is_done:
        return Reply(200, text.stream_type, _late(errand, asked, steps, texts), close=errand.abandon)
    begun = errand.result()
    if isinstance(begun, Relayed):
        return relayed_reply(begun, steps, own, notes)
    return Reply(200, text.stream_type, _rendered(begun, asked, texts), close=begun.close)


def _whole_reply(answered: Completion | Relayed, asked: _Asked, steps: Steps, texts: Texts) -> Reply:
    if not isinstance(answered, Completion):
        return relayed_reply(answered, steps, asked.relaying.endpoint, asked.notes)
    texts.note_completion(answered, asked.conversation)
    body = asked.text.render_completion(answered, asked.conversation.request, asked.stopwatch)
    return Reply(200, asked.text.whole_type, body)


def _rendered(opening: Opening | SeveralOpenings, asked: _Asked, texts: Texts) -> Iterator[bytes]:
    request, text = asked.conversation.request, asked.text
    renderer = (text.choices_renderer if request.others else text.stream_renderer)(request, asked.stopwatch)
    return texts.rendered(asked.conversation, opening, renderer)


def _late(errand: Errand[Opening | SeveralOpenings | Relayed], asked: _Asked, steps: Steps, texts: Texts) -> Iterator[bytes]:
    """The bytes of a stream that begins before an upstream's answer does. Whose answer it will be nobody knows: nothing of it is said."""
    own, notes = asked.relaying.endpoint, asked.notes
    try:
        yield from signs_until_done(errand, steps.keepalive_s, lambda: own.keep_alive)
        begun = errand.result()
        if isinstance(begun, RelayedStream):
            pieces = begun.pieces(notes, steps.note_broken)
        elif isinstance(begun, RelayedWhole):
            pieces = iter((begun.as_stream(own, asked.relaying.words.payload, notes),))
        else:
            pieces = _rendered(begun, asked, texts)
    except ProxyError as error:
        note_late_failure(notes, error)
        yield own.reader().render_failure(error)
        return
    yield from pieces
