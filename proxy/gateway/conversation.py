"""`Conversation`: one request for a text, as its destinations are asked: build -> send -> read, and again where that makes sense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from proxy.canonical.affinity import affinity_key
from proxy.canonical.completion import Completion
from proxy.canonical.events import ChatEvent, Started
from proxy.canonical.fold import collect
from proxy.canonical.request import PromptRequest
from proxy.dialect import Stopwatch, TextRequest
from proxy.errors import UpstreamError, UpstreamRefused
from proxy.gateway.cutting import cutter_of, hides_stops, told
from proxy.gateway.foreign import made_plain
from proxy.gateway.keepsakes import Keepsakes
from proxy.gateway.lacking import lack_of_prompts
from proxy.gateway.opening import Opening
from proxy.gateway.steps import Goal, Steps, read_and_close
from proxy.routing import Destination, Route
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import Client, UpstreamCall
from proxy.wire.named_things import settle
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
        return self._asked(route, partial(self._open, goal, self.request), partial(self._call, goal, self.request))

    def complete(self, goal: Goal) -> Completion:
        """The whole answer, gathered from a stream where the server gives up only streams when its client leaves."""
        route = self.steps.route(goal.destination, self.request.model, self.notes)
        # A server that does not know where to stop is stopped by leaving it, which streams alone are quick to notice.
        if route.profile.gathers_wholes or hides_stops(self.request, route):
            read, request = self._gather, replace(self.request, stream=True)
        else:
            read, request = self._read, self.request
        return self._asked(route, partial(self._complete, goal, read, request), partial(self._call, goal, request))

    def _asked(self, route: Route, attempt: Callable[[Route], T], call: Callable[[Route], UpstreamCall]) -> T:
        try:
            return self.steps.with_repairs(route, self.notes, attempt, call)
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
                opening.events = _introduced(opening.events, goal.destination)
                client.answered(route.upstream_model, self.notes)
                return opening
            reply.close()
            if not isinstance(failure, UpstreamError):
                raise failure
            error = made_plain(failure, reply, upstream)
            settle(error, partial(self._call, goal, request, route))
            if not client.ask_again(error, self.notes):
                raise error

    def _complete(
        self, goal: Goal, read: Callable[[Goal, TextRequest, Route], Completion], request: TextRequest, route: Route
    ) -> Completion:
        while True:
            try:
                return read(goal, request, route)
            except _Unfit as unfit:
                settle(unfit.error, partial(self._call, goal, request, route))
                if not goal.upstream.client.ask_again(unfit.error, self.notes):
                    raise unfit.error from None

    def _read(self, goal: Goal, request: TextRequest, route: Route) -> Completion:
        """A whole answer. Raises `_Unfit` for one that began as a success."""
        upstream, cutter = goal.upstream, cutter_of(request, route)
        reply = upstream.client.send(self._call(goal, request, route), self.notes)
        try:
            events = upstream.egress.read_completion(read_and_close(reply, upstream.patience_s), route, self.new_id)
            completion = collect(_introduced(events if cutter is None else cutter.feed(events), goal.destination))
        except UpstreamError as error:
            raise _Unfit(made_plain(error, reply, upstream)) from error
        upstream.client.answered(route.upstream_model, self.notes, ended=True)
        return completion

    def _gather(self, goal: Goal, request: TextRequest, route: Route) -> Completion:
        """A whole answer, of the pieces of a stream. Raises `_Unfit` for one that began as a success."""
        opening = self._open(goal, request, route)
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


def _introduced(events: Sequence[ChatEvent], destination: Destination) -> Sequence[ChatEvent]:
    """The beginning of an answer, which says who gives it where that is not who was asked for."""
    if not destination.stands_in:
        return events
    return [replace(event, stand_in=destination.upstream_model) if type(event) is Started else event for event in events]


class _Unfit(Exception):
    """An answer that began as a success and was none: whether the upstream is asked again has not been decided."""

    def __init__(self, error: UpstreamError) -> None:
        super().__init__(error.message)
        self.error = error
