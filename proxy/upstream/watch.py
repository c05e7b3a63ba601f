"""`UpstreamWatch`: who is told what happens to upstreams, beside the requests. The metrics are."""

from __future__ import annotations

from typing import Protocol

from proxy.upstream.breaker import BreakerState
from proxy.upstream.waiter import WaitEnd


class UpstreamWatch(Protocol):
    """Upstreams and replicas are told by their names in logs and metrics."""

    def breaker_changed(self, upstream: str, replica: str, model: str, state: BreakerState, is_listed: bool = True) -> None:
        """A breaker has a new state. `model` is `""` for the way to the replica; `is_listed` says whether the upstream lists it."""

    def looked_at(self, upstream: str, replica: str, is_well: bool) -> None:
        """A look at a replica found something else than the one before it; the first one, too."""

    def queue_changed(self, upstream: str, depth: int) -> None:
        """So many requests wait for a replica now."""

    def waited(self, upstream: str, end: WaitEnd, seconds: float) -> None:
        """A request does not wait any more, or could not."""

    def sharing_changed(self, is_up: bool) -> None:
        """Redis, through which workers share what they know, answers, or does not any more; told the first time, too."""

    def list_fetched(self, upstream: str, is_there: bool) -> None:
        """The list of models was asked for; `is_there` says whether the upstream told what there is to tell."""


class Unwatched:
    """For those who do not want to know."""

    def breaker_changed(self, upstream: str, replica: str, model: str, state: BreakerState, is_listed: bool = True) -> None:
        """Nothing."""

    def looked_at(self, upstream: str, replica: str, is_well: bool) -> None:
        """Nothing."""

    def queue_changed(self, upstream: str, depth: int) -> None:
        """Nothing."""

    def waited(self, upstream: str, end: WaitEnd, seconds: float) -> None:
        """Nothing."""

    def sharing_changed(self, is_up: bool) -> None:
        """Nothing."""

    def list_fetched(self, upstream: str, is_there: bool) -> None:
        """Nothing."""
