"""Who serves a request: the destination that its model leads to, else the next of its chain. All of it before the client gets a byte.

What goes on to the next destination is an error that another upstream may not have: no connection, no answer in time, a broken one, no
free seat, 401 to 404, 408 to 410, 425, 429, what is wrong with a server, and what one says that its model does not do. What is wrong with
the request ends it, and so does what is wrong with the key that its client came with, or should have come with, at the upstream that the
model leads to: an operator's key elsewhere is not there to stand in for it. A fallback that refuses the client's key ends nothing, and one
that is known to want a key is passed over for who brings none.

When nobody serves, the client hears of the model that it asked for: the first error. But where that one would not change by waiting (no
such model, a key that is refused), and that of a later destination would, it hears of the latter: asking again makes sense then. Of who
was left alone for the sake of the others, it hears why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from proxy.errors import ModelNotFound, NotSupported, Overloaded, ProxyError, UpstreamError, UpstreamRefused
from proxy.gateway.steps import Goal, Steps
from proxy.routing import Destination
from proxy.telemetry import ExchangeNotes
from proxy.upstream.fleet import RESTING
from proxy.wire.messages import Client

T = TypeVar("T")

_log = logging.getLogger("proxy.gateway")

# Beside the server's own failures. 402, 403: another account may have the money and the rights.
_ELSEWHERE = frozenset({401, 402, 403, 404, 408, 409, 410, 425, 429})
_PASSING = frozenset({408, 409, 425, 429})
_ABOUT_THE_REQUEST = ("content_filter", "context_length_exceeded")


def suits_anybody(_: Destination) -> bool:
    """For requests of which every destination may judge by itself."""
    return True


def served(
    steps: Steps,
    chain: Sequence[Destination],
    notes: ExchangeNotes,
    client: Client,
    serve: Callable[[Goal], T],
    suits: Callable[[Destination], bool] = suits_anybody,
) -> T:
    """What `serve` returns for the first destination that serves.

    Args:
        suits: whether a destination after the first is known to lack nothing that the request needs.

    Raises:
        ProxyError: nobody serves.
    """
    if len(chain) == 1:
        try:
            return serve(Goal(chain[0], steps.upstream(chain[0].upstream), is_last=True))
        except ProxyError as error:
            told = steps.explained(error, chain[0], notes.model, client)
            if told is error:
                raise
            raise told from error
    goals = [chain[0], *(each for each in chain[1:] if suits(each) and steps.lets_in(each, client))]
    errors: list[ProxyError] = []
    for place, destination in enumerate(goals, start=1):
        if errors:
            _turn_to(destination, errors[-1], notes)
        upstream = steps.upstream(destination.upstream)
        try:
            return serve(Goal(destination, upstream, is_last=place == len(goals)))
        except ProxyError as error:
            errors.append(steps.explained(error, destination, notes.model, client))
            if not is_worth_asking_elsewhere(error) or (place == 1 and upstream.client.refused_the_client(error, notes)):
                break
    raise _most_telling(errors)


def is_worth_asking_elsewhere(error: ProxyError) -> bool:
    """Whether another upstream may serve what was answered by `error`."""
    if error.code in _ABOUT_THE_REQUEST or _ends_request(error):
        return False
    if isinstance(error, UpstreamRefused):
        return not error.is_requests_own and (error.is_unserved or error.status >= 500 or error.status in _ELSEWHERE)
    return isinstance(error, UpstreamError | Overloaded | ModelNotFound | NotSupported)


def _turn_to(destination: Destination, error: ProxyError, notes: ExchangeNotes) -> None:
    about = {
        "request_id": notes.request_id,
        "model": notes.model,
        "upstream": notes.upstream,
        "upstream_model": notes.upstream_model,
        "error_kind": error.kind,
        "error": error.message,
        "next_upstream": destination.upstream,
        "next_upstream_model": destination.upstream_model,
        "why": destination.why,
    }
    _log.warning("falling back to another upstream", extra=about)
    notes.turn_away()


def _ends_request(error: ProxyError) -> bool:
    return isinstance(error, UpstreamError) and error.ends_request


def _most_telling(errors: Sequence[ProxyError]) -> ProxyError:
    """What the client hears: before all else, that its request may have been worked on."""
    error = errors[-1] if _ends_request(errors[-1]) else next(filter(_may_pass, errors), errors[0])
    return error.__cause__ if error.code == RESTING and isinstance(error.__cause__, ProxyError) else error


def _may_pass(error: ProxyError) -> bool:
    """Whether asking again later may help."""
    if isinstance(error, UpstreamRefused):
        return error.status >= 500 or error.status in _PASSING
    return isinstance(error, UpstreamError | Overloaded)
