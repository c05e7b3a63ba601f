"""What is done here in place of an upstream that can't be told: it is asked without stop sequences, or with other names of tools, and its
answer is changed to what the client asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import Protocol

from proxy.canonical.events import ChatEvent
from proxy.canonical.foreign_names import NameRule, OwnNames, own_names, with_legal_names
from proxy.canonical.request import ChatRequest
from proxy.canonical.sole_call import SoleCall
from proxy.canonical.stops import StopCutter
from proxy.canonical.unfenced import Unfenced
from proxy.canonical.unrepeated import Unrepeated, own_last_words
from proxy.dialect import TextRequest
from proxy.routing import Route


class Cutter(Protocol):
    """Changes one answer."""

    def feed(self, events: Sequence[ChatEvent]) -> list[ChatEvent]:
        """What is left of `events`."""


class _Both:
    """Two cutters, one behind the other."""

    def __init__(self, first: Cutter, second: Cutter) -> None:
        self._first = first
        self._second = second

    def feed(self, events: Sequence[ChatEvent]) -> list[ChatEvent]:
        return self._second.feed(self._first.feed(events))


def cutter_of(request: TextRequest, route: Route) -> Cutter | None:
    """What changes the answer to `request`, new for each answer; `None` where the upstream can be told everything."""
    cutters = list(_cutters(request, route))
    return reduce(_Both, cutters) if cutters else None


def told(request: TextRequest, route: Route) -> TextRequest:
    """`request` as the upstream gets it: with names that it takes, and without stop sequences where it would not tell which one ended the
    answer, and the client must.
    """
    if isinstance(request, ChatRequest):
        request = with_told_names(request, route)
    return replace(request, sampling=replace(request.sampling, stop=())) if hides_stops(request, route) else request


def with_told_names(request: ChatRequest, route: Route) -> ChatRequest:
    """`request` with names of tools that the upstream takes."""
    return with_legal_names(request, _name_rule(route))


def hides_stops(request: TextRequest, route: Route) -> bool:
    """Whether the upstream gets no stop sequences, though there are some."""
    wants_names = isinstance(request, ChatRequest) and request.names_stops
    return wants_names and not route.profile.names_stops and bool(request.sampling.stop)


def _cutters(request: TextRequest, route: Route) -> Iterator[Cutter]:
    if isinstance(request, ChatRequest) and (names := own_names(request, _name_rule(route))):
        yield OwnNames(names)
    if _wants_sole_call(request, route):
        yield SoleCall()
    if isinstance(request, ChatRequest) and request.response_format is not None:
        yield Unfenced()
    if isinstance(request, ChatRequest) and route.profile.repeats_prefill and (words := own_last_words(request)):
        yield Unrepeated(words)
    if stops := _local_stops(request, route):
        yield StopCutter(stops)


def _name_rule(route: Route) -> NameRule:
    return NameRule(route.profile.name_chars, route.profile.plain_names)


def _local_stops(request: TextRequest, route: Route) -> tuple[str, ...]:
    """The stop sequences that the upstream does not get: those beyond its number, and where it refuses them, those of white space."""
    profile, stops = route.profile, request.sampling.stop
    if hides_stops(request, route):
        return stops
    beyond = () if profile.stop_limit is None else stops[profile.stop_limit :]
    return beyond if profile.blank_stops else (*beyond, *(stop for stop in stops[: profile.stop_limit] if stop.isspace()))


def _wants_sole_call(request: TextRequest, route: Route) -> bool:
    if not isinstance(request, ChatRequest) or request.parallel_tool_calls is not False:
        return False
    return all(ours != "parallel_tool_calls" for ours, _ in route.profile.sent)
