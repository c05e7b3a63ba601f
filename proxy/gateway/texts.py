"""The way of a chat or a prompt: parse -> route -> build -> send -> read -> render, as a stream or whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from proxy.canonical.catalog import ModelCard
from proxy.canonical.completion import Completion
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartOpened
from proxy.canonical.fold import collect
from proxy.canonical.request import PromptRequest
from proxy.canonical.stops import StopCutter
from proxy.dialect import Payload, Stopwatch, StreamReader, StreamRenderer, TextEndpoint, TextRequest
from proxy.errors import ProxyError, UpstreamError, UpstreamTimeout
from proxy.gateway.noting import note_end, note_events, note_failure
from proxy.gateway.steps import Steps
from proxy.routing import Route
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import UpstreamReply
from proxy.wire.messages import Reply, UpstreamCall


@dataclass(slots=True)
class _Opening:
    """A streamed answer from the upstream; `events` are those of its latest read.

    Attributes:
        patience_s: how long it may go on without giving a part of its answer.
        make_fit: takes out of an upstream's words what clients must not read.
        fruitless_since_ns: the first read after which none has; `None` while they do.
    """

    reply: UpstreamReply
    reader: StreamReader
    chunks: Iterator[bytes]
    cutter: StopCutter | None
    stopwatch: Stopwatch
    patience_s: float
    make_fit: Callable[[UpstreamError], None]
    events: Sequence[ChatEvent] = ()
    fruitless_since_ns: int | None = None

    def advance(self) -> None:
        """Reads on. `events` may be empty afterwards: a part of a record came, or comments.

        A broken connection is no failure of an answer that has said why it stopped.
        """
        try:
            chunk = next(self.chunks, None)
            events = self.reader.close() if chunk is None else self.reader.feed(chunk)
            if events and type(events[0]) is not KeepAlive:
                self.fruitless_since_ns = None
            else:
                self._wait_on()
        except ProxyError as error:
            events = self.reader.close()
            if not events or not isinstance(events[-1], Finished):
                events = [Failed(error)]
        if events and isinstance(events[-1], Failed) and isinstance(events[-1].error, UpstreamError):
            self.make_fit(events[-1].error)
        self.events = events if self.cutter is None else self.cutter.feed(events)

    def _wait_on(self) -> None:
        """Raises `UpstreamTimeout` when the upstream has got nowhere for too long, by comments or a record that never ends."""
        now_ns = self.stopwatch.elapsed_ns()
        if self.fruitless_since_ns is None:
            self.fruitless_since_ns = now_ns
        elif now_ns - self.fruitless_since_ns >= self.patience_s * 1e9:
            what = f"the upstream sent signs of life but no part of its answer for {self.patience_s:g} s (FIRST_BYTE_TIMEOUT)"
            raise UpstreamTimeout(what, code="upstream_timeout")

    def early_failure(self) -> ProxyError | None:
        """What went wrong, if it did before the upstream said anything."""
        last = self.events[-1]
        begun = any(isinstance(event, PartOpened) for event in self.events)
        return last.error if isinstance(last, Failed) and not begun else None

    def rest(self) -> Iterator[ChatEvent]:
        """All events, from those of the latest read to the end."""
        while True:
            yield from self.events
            if self.events and isinstance(self.events[-1], Finished | Failed):
                return
            self.advance()


class Texts:
    """Carries chats and prompts.

    Args:
        told_of: what the operator says of an upstream model that is not listed.
        new_id: makes ids for tool calls and answers that came without one.
        keepalive_s: the longest time for which a stream's client hears nothing.
        patience_s: how long an upstream's stream may go on without giving a part of its answer.
    """

    def __init__(
        self,
        steps: Steps,
        *,
        told_of: Callable[[str], ModelCard | None],
        new_id: Callable[[], str],
        keepalive_s: float,
        patience_s: float,
    ) -> None:
        self._steps = steps
        self._told_of = told_of
        self._new_id = new_id
        self._keepalive_ns = round(keepalive_s * 1e9)
        self._patience_s = patience_s

    def converse(self, payload: Payload, endpoint: TextEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch) -> Reply:
        """The answer, as a stream or whole, as the client wished.

        Raises:
            ProxyError: for everything that goes wrong before the first event; later failures are told inside the stream.
        """
        steps = self._steps
        request = endpoint.parse(steps.with_default_model(payload))
        # Pictures that had to be rewritten on the way into the request would be held twice until the answer is there.
        del payload
        notes.model, notes.stream = request.model, request.stream
        route, card = steps.route(request.model, notes)
        endpoint.admit(request, card or self._told_of(route.upstream_model))
        answer = endpoint.answer_locally(request, stopwatch)
        if answer is not None:
            return Reply(200, endpoint.whole_type, answer)
        if request.stream:
            opening = steps.with_repairs(route, notes, lambda repaired: self._open(request, repaired, notes, stopwatch))
            body = self._rendered(opening, endpoint.stream_renderer(request, stopwatch), notes, stopwatch)
            return Reply(200, endpoint.stream_type, body, close=opening.reply.close)
        completion = steps.with_repairs(route, notes, lambda repaired: self._complete(request, repaired, notes, stopwatch))
        note_end(notes, completion.usage, completion.finish_reason)
        return Reply(200, endpoint.whole_type, endpoint.render_completion(completion, request, stopwatch))

    def _open(self, request: TextRequest, route: Route, notes: ExchangeNotes, stopwatch: Stopwatch) -> _Opening:
        """An answer that has begun. One that fails before it says anything counts as refused, whatever its status was."""
        upstream, stops = self._steps.upstream, _local_stops(request, route)
        while True:
            reply = upstream.client.send(self._call(request, route), notes)
            reader = upstream.egress.stream_reader(route, self._new_id)
            cutter = StopCutter(stops) if stops else None
            opening = _Opening(reply, reader, reply.chunks(), cutter, stopwatch, self._patience_s, upstream.client.make_fit)
            try:
                while not opening.events:
                    opening.advance()
            except BaseException:
                reply.close()
                raise
            failure = opening.early_failure()
            if failure is None:
                upstream.client.answered(notes.upstream_model)
                return opening
            reply.close()
            if not isinstance(failure, UpstreamError) or not upstream.client.ask_again(failure, notes):
                raise failure

    def _rendered(self, opening: _Opening, renderer: StreamRenderer, notes: ExchangeNotes, stopwatch: Stopwatch) -> Iterator[bytes]:
        """The bytes of a stream. A client that would get nothing for long, though the upstream is busy, gets a sign of life."""
        sent_ns = stopwatch.elapsed_ns()
        try:
            while True:
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
            if renderer.failure is not None:
                note_failure(notes, renderer.failure)
            opening.reply.drain_or_close()
        finally:
            opening.reply.close()

    def _complete(self, request: TextRequest, route: Route, notes: ExchangeNotes, stopwatch: Stopwatch) -> Completion:
        """The whole answer, gathered from a stream where the server gives up only streams when its client leaves."""
        if route.profile.gathers_wholes:
            opening = self._open(replace(request, stream=True), route, notes, stopwatch)
            try:
                return collect(opening.rest())
            finally:
                opening.reply.drain_or_close()
        upstream, stops = self._steps.upstream, _local_stops(request, route)
        while True:
            body = self._steps.fetch(self._call(request, route), notes)
            events: Sequence[ChatEvent] = upstream.egress.read_completion(body, route, self._new_id)
            try:
                completion = collect(StopCutter(stops).feed(events) if stops else events)
            except UpstreamError as error:
                if not upstream.client.ask_again(error, notes):
                    raise
            else:
                upstream.client.answered(notes.upstream_model)
                return completion

    def _call(self, request: TextRequest, route: Route) -> UpstreamCall:
        egress = self._steps.upstream.egress
        return egress.build_prompt(request, route) if isinstance(request, PromptRequest) else egress.build_chat(request, route)


def _local_stops(request: TextRequest, route: Route) -> tuple[str, ...]:
    """The stop sequences beyond those that the upstream takes; they are cut off here."""
    limit = route.profile.stop_limit
    return () if limit is None else request.sampling.stop[limit:]
