"""The way of a chat or a prompt: parse -> route -> build -> send -> read -> render, as a stream or whole.

Without an upstream the whole way takes 69 us, where it once took 178: the difference is an eighth of an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import methodcaller

from proxy.canonical.catalog import ModelCard
from proxy.canonical.completion import Completion
from proxy.canonical.events import Failed, KeepAlive
from proxy.dialect import Payload, Stopwatch, StreamRenderer, TextEndpoint, TextRequest
from proxy.errors import InvalidRequest, ProxyError, UpstreamError
from proxy.gateway.conversation import Conversation
from proxy.gateway.errands import Errand, signs_until_done
from proxy.gateway.fallback import served
from proxy.gateway.keepsakes import Keepsakes
from proxy.gateway.noting import note_end, note_events, note_failure, note_late_failure
from proxy.gateway.opening import Opening
from proxy.gateway.several import Several, SeveralOpenings
from proxy.gateway.steps import Goal, Steps, note_destination
from proxy.routing import Destination
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import ANYBODY, Client, Reply

_let_go = methodcaller("close")


class Texts:
    """Carries chats and prompts.

    Args:
        told_of: what the operator says of an upstream model that is not listed.
        new_id: makes ids for tool calls and answers that came without one.
        keepsakes: what models want to see again, and clients do not bring.
    """

    def __init__(
        self, steps: Steps, *, told_of: Callable[[str], ModelCard | None], new_id: Callable[[], str], keepsakes: Keepsakes
    ) -> None:
        self._keepsakes = keepsakes
        self._new_id = new_id
        self._steps = steps
        self._told_of = told_of
        self._keepalive_ns = round(steps.keepalive_s * 1e9)

    def converse(
        self, payload: Payload, endpoint: TextEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch, client: Client = ANYBODY
    ) -> Reply:
        """The answer, as a stream or whole, as the client wished.

        Raises:
            ProxyError: for everything that goes wrong before the first event; later failures are told inside the stream, and so are those
                that come when the status has not been open any longer.
        """
        steps = self._steps
        request = endpoint.parse(steps.with_default_model(payload))
        # Pictures that had to be rewritten on the way into the request would be held twice until the answer is there.
        del payload
        notes.model, notes.stream = request.model, request.stream
        chain = steps.chain(request.model, client)
        note_destination(notes, chain[0])
        endpoint.admit(request, self.card(chain[0]))
        answer = endpoint.answer_locally(request, stopwatch)
        if answer is not None:
            return Reply(200, endpoint.whole_type, answer)
        asked = self.conversation(request, chain, notes, stopwatch, client)
        suits = partial(self.suits, endpoint, request)
        if not request.stream:
            completion = served(steps, chain, notes, client, asked.complete, suits)
            self.note_completion(completion, asked)
            return Reply(200, endpoint.whole_type, endpoint.render_completion(completion, request, stopwatch))
        renderer = (endpoint.choices_renderer if request.others else endpoint.stream_renderer)(request, stopwatch)
        begin: Callable[[Goal], Opening | SeveralOpenings] = asked.open
        errand = steps.errands.begin(
            partial(served, steps, chain, notes, client, begin, suits), _let_go, steps.upstream(chain[0].upstream).commit_s
        )
        if errand.is_done:
            opening = errand.result()
            return Reply(200, endpoint.stream_type, self.rendered(asked, opening, renderer), close=opening.close)
        return Reply(200, endpoint.stream_type, self._late(asked, errand, renderer), close=errand.abandon)

    def conversation(
        self, request: TextRequest, chain: Sequence[Destination], notes: ExchangeNotes, stopwatch: Stopwatch, client: Client
    ) -> Conversation | Several:
        """What is asked, with what models said before in the same conversation."""
        asked = Conversation(self._steps, request, chain, notes, stopwatch, client, self._new_id, self._keepsakes)
        return Several(asked) if request.others else asked

    def note_completion(self, completion: Completion, asked: Conversation | Several) -> None:
        """Notes a whole answer, and keeps what is to come back with its calls."""
        note_end(asked.notes, completion.usage, completion.finish_reason)
        for answer in (completion, *completion.others):
            self._keepsakes.keep(asked.request, asked.chain, answer.parts)

    def card(self, destination: Destination) -> ModelCard | None:
        """What is known of the model."""
        return destination.card or self._told_of(destination.upstream_model)

    def suits(self, endpoint: TextEndpoint, request: TextRequest, destination: Destination) -> bool:
        """Whether a fallback is not known to lack what the request needs."""
        try:
            endpoint.admit(request, self.card(destination))
        except InvalidRequest:
            return False
        return True

    def _late(self, asked: Conversation | Several, errand: Errand[Opening | SeveralOpenings], renderer: StreamRenderer) -> Iterator[bytes]:
        """The bytes of a stream that begins before the upstream's answer does."""
        try:
            yield from signs_until_done(errand, self._steps.keepalive_s, lambda: renderer.render([KeepAlive()]))
            opening = errand.result()
        except ProxyError as error:
            note_late_failure(asked.notes, error)
            yield renderer.render([Failed(error)])
            return
        yield from self.rendered(asked, opening, renderer)

    def rendered(self, asked: Conversation | Several, opening: Opening | SeveralOpenings, renderer: StreamRenderer) -> Iterator[bytes]:
        """The bytes of a stream. A client that would get nothing for long, though the upstream is busy, gets a sign of life."""
        notes, stopwatch, watch = asked.notes, asked.stopwatch, self._keepsakes.watch(asked.request, asked.chain)
        sent_ns = stopwatch.elapsed_ns()
        try:
            while True:
                if watch is not None:
                    watch.note(opening.events)
                data = renderer.render(opening.events)
                is_over = note_events(notes, opening.events)
                if not data and not is_over and stopwatch.elapsed_ns() - sent_ns >= self._keepalive_ns:
                    data = renderer.render([KeepAlive()])
                if data:
                    yield data
                    sent_ns = stopwatch.elapsed_ns()
                if is_over:
                    break
                opening.advance()
            self._note_end(opening, renderer, notes)
            opening.reply.drain_or_close()
        except ProxyError as error:
            # One of several answers did not begin, after another one had.
            note_late_failure(notes, error)
            yield renderer.render([Failed(error)])
        finally:
            opening.reply.close()

    def _note_end(self, opening: Opening | SeveralOpenings, renderer: StreamRenderer, notes: ExchangeNotes) -> None:
        last = opening.events[-1]
        if isinstance(last, Failed) and isinstance(last.error, UpstreamError):
            self._steps.note_broken(notes, last.error)
        elif renderer.failure is not None:
            note_failure(notes, renderer.failure)
