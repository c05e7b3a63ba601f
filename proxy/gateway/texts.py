"""The way of a chat or a prompt: parse -> route -> build -> send -> read -> render, as a stream or whole.

Without an upstream the whole way takes 69 us, where it once took 178: the difference is an eighth of an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from proxy.canonical.affinity import affinity_key
from proxy.canonical.catalog import ModelCard
from proxy.canonical.completion import Completion
from proxy.canonical.events import Failed, KeepAlive
from proxy.canonical.fold import collect
from proxy.canonical.request import PromptRequest
from proxy.dialect import Payload, Stopwatch, StreamRenderer, TextEndpoint, TextRequest
from proxy.errors import InvalidRequest, ProxyError, UpstreamError, UpstreamRefused
from proxy.gateway.cutting import cutter_of, hides_stops, told
from proxy.gateway.errands import Errand
from proxy.gateway.fallback import served
from proxy.gateway.foreign import made_plain
from proxy.gateway.keepsakes import Keepsakes
from proxy.gateway.lacking import lack_of_prompts
from proxy.gateway.noting import note_end, note_events, note_failure, note_late_failure
from proxy.gateway.opening import Opening
from proxy.gateway.steps import Goal, Steps, note_destination, read_and_close
from proxy.routing import Destination, Route
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import ANYBODY, Client, Reply, UpstreamCall
from proxy.wire.what_lacks import lacks_path

T = TypeVar("T")


@dataclass(slots=True)
class Conversation:
    """One request, as all its destinations are asked.

    Attributes:
        chain: the destinations.
    """

    steps: Steps
    request: TextRequest
    chain: Sequence[Destination]
    notes: ExchangeNotes
    stopwatch: Stopwatch
    client: Client
    new_id: Callable[[], str]
    keepsakes: Keepsakes

    def open(self, goal: Goal) -> Opening:
        """An answer that has begun."""
        route = self.steps.route(goal.destination, self.request.model, self.notes)
        return self._asked(route, partial(self._open, goal, self.request))

    def complete(self, goal: Goal) -> Completion:
        """The whole answer, gathered from a stream where the server gives up only streams when its client leaves."""
        route = self.steps.route(goal.destination, self.request.model, self.notes)
        # A server that does not know where to stop is stopped by leaving it, which streams alone are quick to notice.
        read = self._gather if route.profile.gathers_wholes or hides_stops(self.request, route) else self._read
        return self._asked(route, partial(self._complete, goal, read))

    def _asked(self, route: Route, attempt: Callable[[Route], T]) -> T:
        try:
            return self.steps.with_repairs(route, self.notes, attempt)
        except UpstreamRefused as refusal:
            is_of_prompts = isinstance(self.request, PromptRequest) and route.profile.prompt_path
            if is_of_prompts and lacks_path(refusal, route.upstream_model):
                raise lack_of_prompts(refusal) from refusal
            raise

    def _open(self, goal: Goal, request: TextRequest, route: Route) -> Opening:
        """An answer that has begun. One that fails before it says anything counts as refused, whatever its status was."""
        upstream, client = goal.upstream, goal.upstream.client
        while True:
            reply = client.send(self._call(goal, request, route), self.notes)
            reader = upstream.egress.stream_reader(route, self.new_id)
            make_fit = partial(client.make_fit, notes=self.notes)
            opening = Opening(reply, reader, cutter_of(request, route), self.stopwatch, upstream.patience_s, make_fit)
            try:
                failure = opening.begin()
            except BaseException:
                reply.close()
                raise
            if failure is None:
                client.answered(route.upstream_model, self.notes)
                return opening
            reply.close()
            if not isinstance(failure, UpstreamError):
                raise failure
            error = made_plain(failure, reply, upstream)
            if not client.ask_again(error, self.notes):
                raise error

    def _complete(self, goal: Goal, read: Callable[[Goal, Route], Completion], route: Route) -> Completion:
        while True:
            try:
                return read(goal, route)
            except _Unfit as unfit:
                if not goal.upstream.client.ask_again(unfit.error, self.notes):
                    raise unfit.error from None

    def _read(self, goal: Goal, route: Route) -> Completion:
        """A whole answer. Raises `_Unfit` for one that began as a success."""
        upstream, cutter = goal.upstream, cutter_of(self.request, route)
        reply = upstream.client.send(self._call(goal, self.request, route), self.notes)
        try:
            events = upstream.egress.read_completion(read_and_close(reply, upstream.patience_s), route, self.new_id)
            completion = collect(events if cutter is None else cutter.feed(events))
        except UpstreamError as error:
            raise _Unfit(made_plain(error, reply, upstream)) from error
        upstream.client.answered(route.upstream_model, self.notes, ended=True)
        return completion

    def _gather(self, goal: Goal, route: Route) -> Completion:
        """A whole answer, of the pieces of a stream. Raises `_Unfit` for one that began as a success."""
        opening = self._open(goal, replace(self.request, stream=True), route)
        try:
            completion = collect(opening.rest())
        except UpstreamError as error:
            raise _Unfit(error) from error
        finally:
            opening.reply.drain_or_close()
        goal.upstream.client.answered(route.upstream_model, self.notes, ended=True)
        return completion

    def _call(self, goal: Goal, request: TextRequest, route: Route) -> UpstreamCall:
        egress = goal.upstream.egress
        request = told(self.keepsakes.restored(request, route), route)
        call = egress.build_prompt(request, route) if isinstance(request, PromptRequest) else egress.build_chat(request, route)
        return self.steps.signed(call, goal, self.client, partial(affinity_key, request))


class _Unfit(Exception):
    """An answer that began as a success and was none: whether the upstream is asked again has not been decided."""

    def __init__(self, error: UpstreamError) -> None:
        super().__init__(error.message)
        self.error = error


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
        renderer = endpoint.stream_renderer(request, stopwatch)
        errand = steps.errands.begin(
            partial(served, steps, chain, notes, client, asked.open, suits), Opening.close, steps.upstream(chain[0].upstream).commit_s
        )
        if errand.is_done:
            opening = errand.result()
            return Reply(200, endpoint.stream_type, self.rendered(asked, opening, renderer), close=opening.close)
        return Reply(200, endpoint.stream_type, self._late(asked, errand, renderer), close=errand.abandon)

    def conversation(
        self, request: TextRequest, chain: Sequence[Destination], notes: ExchangeNotes, stopwatch: Stopwatch, client: Client
    ) -> Conversation:
        """What is asked, with what models said before in the same conversation."""
        return Conversation(self._steps, request, chain, notes, stopwatch, client, self._new_id, self._keepsakes)

    def note_completion(self, completion: Completion, asked: Conversation) -> None:
        """Notes a whole answer, and keeps what is to come back with its calls."""
        note_end(asked.notes, completion.usage, completion.finish_reason)
        self._keepsakes.keep(asked.request, asked.chain, completion.parts)

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

    def _late(self, asked: Conversation, errand: Errand[Opening], renderer: StreamRenderer) -> Iterator[bytes]:
        """The bytes of a stream that begins before the upstream's answer does."""
        try:
            yield renderer.render([KeepAlive()])
            while not errand.done_within(self._steps.keepalive_s):
                yield renderer.render([KeepAlive()])
            opening = errand.result()
        except ProxyError as error:
            note_late_failure(asked.notes, error)
            yield renderer.render([Failed(error)])
            return
        yield from self.rendered(asked, opening, renderer)

    def rendered(self, asked: Conversation, opening: Opening, renderer: StreamRenderer) -> Iterator[bytes]:
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
        finally:
            opening.reply.close()

    def _note_end(self, opening: Opening, renderer: StreamRenderer, notes: ExchangeNotes) -> None:
        last = opening.events[-1]
        if isinstance(last, Failed) and isinstance(last.error, UpstreamError):
            self._steps.note_broken(notes, last.error)
        elif renderer.failure is not None:
            note_failure(notes, renderer.failure)
