"""The way of a request whose tokens are to be counted: parse -> route -> build -> send -> read. Who cannot count has it estimated here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from proxy.canonical.affinity import NO_KEY
from proxy.canonical.request import ChatRequest
from proxy.dialect import CountEndpoint
from proxy.errors import UpstreamRefused
from proxy.gateway.cutting import with_told_names
from proxy.gateway.lacking import LackingPaths
from proxy.gateway.steps import Goal, Steps
from proxy.gateway.wholes import read_whole_of
from proxy.routing import Route
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import Client, UpstreamCall

_CANNOT = (404, 405, 501)


@dataclass(slots=True)
class Counting:
    """One request, as all its destinations are asked.

    Attributes:
        lacking: the URLs that upstreams turned out not to have.
    """

    steps: Steps
    lacking: LackingPaths
    endpoint: CountEndpoint
    request: ChatRequest
    notes: ExchangeNotes
    client: Client

    def tokens(self, goal: Goal) -> int:
        """How many tokens the request has there."""
        route = self.steps.route(goal.destination, self.request.model, self.notes)
        try:
            return self.steps.with_repairs(route, self.notes, partial(self._counted, goal), partial(self._call, goal))
        except UpstreamRefused as refusal:
            if refusal.upstream_status not in _CANNOT:
                raise
            return self.endpoint.estimate(self.request)

    def _counted(self, goal: Goal, route: Route) -> int:
        egress, call = goal.upstream.egress, self._call(goal, route)
        if call is None or (route.upstream, call.path) in self.lacking:
            return self.endpoint.estimate(self.request)
        signed = self.steps.signed(call, goal, self.client, lambda _: NO_KEY)
        try:
            return read_whole_of(goal.upstream, signed, self.notes, egress.read_count)
        except UpstreamRefused as refusal:
            self.lacking.learn(route.upstream, call.path, refusal, route.upstream_model)
            raise

    def _call(self, goal: Goal, route: Route) -> UpstreamCall | None:
        return goal.upstream.egress.build_count(with_told_names(self.request, route), route)
