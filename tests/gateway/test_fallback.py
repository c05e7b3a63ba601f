"""Which errors go on to the next destination, and what is told when nobody serves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from proxy.errors import (
    InvalidRequest,
    ModelNotFound,
    NotSupported,
    Overloaded,
    ProxyError,
    RequestTooLarge,
    ShuttingDown,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from proxy.gateway.fallback import is_worth_asking_elsewhere, served
from proxy.gateway.steps import Goal, Steps
from proxy.routing import Destination, Rule
from proxy.telemetry import AskedUpstream, ExchangeNotes
from proxy.wire.messages import ANYBODY

ELSEWHERE = [
    UpstreamUnavailable("no connection"),
    UpstreamTimeout("silent"),
    UpstreamBroken("garbage"),
    Overloaded("full"),
    ModelNotFound("m"),
    NotSupported("it only chats"),
    *(UpstreamRefused("no", status=status) for status in (401, 402, 403, 404, 408, 410, 429, 500, 501, 502, 503, 504)),
]
HERE = [
    InvalidRequest("wrong"),
    RequestTooLarge("large"),
    ShuttingDown("bye"),
    ProxyError("a defect"),
    *(UpstreamRefused("no", status=status) for status in (400, 406, 413, 415, 422)),
    UpstreamRefused("too long", status=500, code="context_length_exceeded"),
    UpstreamRefused("not to be said", status=403, code="content_filter"),
]


@pytest.mark.parametrize("error", ELSEWHERE, ids=lambda error: f"{error.kind} {error.status}")
def test_what_another_upstream_may_not_have_goes_on(error: ProxyError) -> None:
    assert is_worth_asking_elsewhere(error)


@pytest.mark.parametrize("error", HERE, ids=lambda error: f"{error.kind} {error.status}")
def test_what_is_wrong_with_the_request_ends_it(error: ProxyError) -> None:
    assert not is_worth_asking_elsewhere(error)


def test_what_the_request_names_is_not_looked_for_at_another_upstream() -> None:
    """Who does not know it would answer without it."""
    error = UpstreamRefused("File not found: file_1", status=404)
    error.is_requests_own = True
    assert not is_worth_asking_elsewhere(error)


def test_what_nobody_does_there_is_looked_for_at_another_upstream() -> None:
    error = UpstreamRefused("No endpoints found that support image input", status=404)
    error.is_unserved = True
    assert is_worth_asking_elsewhere(error)


def for_good(error: UpstreamError) -> UpstreamError:
    """The error of a request that may have been worked on, where the operator does not want to pay twice."""
    error.ends_request = True
    return error


@pytest.mark.parametrize("error", [UpstreamTimeout("silent"), UpstreamBroken("garbage")])
def test_what_may_have_been_worked_on_ends_the_request_where_the_operator_says_so(error: UpstreamError) -> None:
    assert not is_worth_asking_elsewhere(for_good(error))


def at(upstream: str) -> Destination:
    return Destination(upstream, f"{upstream}-model", None, Rule.LISTED, f"listed by {upstream}")


class Asking:
    """Serves by a script: an error, or a text, for each upstream."""

    refusal: ProxyError | None = None

    def __init__(self, **script: ProxyError | str) -> None:
        self.script = script
        self.notes = ExchangeNotes(model="m")
        self.asked: list[tuple[str, bool]] = []
        self.explained: dict[ProxyError, ProxyError] = {}
        self.shut = ""

    def serve(self, goal: Goal) -> str:
        name = goal.destination.upstream
        self.asked.append((name, goal.is_last))
        self.notes.upstream, self.notes.attempts = name, self.notes.attempts + 2
        answer = self.script[name]
        if isinstance(answer, ProxyError):
            self.notes.failures.append(answer.kind)
            raise answer
        return answer

    def served(self, *names: str, without: str = "") -> str:
        client = SimpleNamespace(refused_the_client=lambda error, notes: error is self.refusal)
        steps: Any = SimpleNamespace(
            upstream=lambda name: SimpleNamespace(name=name, client=client),
            explained=lambda error, *_: self.explained.get(error, error),
            lets_in=lambda destination, _: destination.upstream != self.shut,
        )
        return served(
            cast(Steps, steps), [at(name) for name in names], self.notes, ANYBODY, self.serve, lambda each: each.upstream != without
        )


def test_first_that_serves_ends_the_chain() -> None:
    asking = Asking(a=UpstreamUnavailable("gone"), b="answer", c="never")
    assert asking.served("a", "b", "c") == "answer"
    assert asking.asked == [("a", False), ("b", False)]
    assert asking.notes.earlier == [AskedUpstream("a", 2, 0, ["upstream_unavailable"])]
    assert (asking.notes.upstream, asking.notes.attempts, asking.notes.failures) == ("b", 2, [])


def test_one_that_lacks_something_is_passed_over() -> None:
    asking = Asking(a=UpstreamUnavailable("gone"), c="answer")
    assert asking.served("a", "b", "c", without="b") == "answer"
    assert asking.asked == [("a", False), ("c", True)]
    assert Asking(a="answer").served("a", "b", without="a") == "answer"


def test_key_of_the_client_that_is_refused_is_not_asked_elsewhere() -> None:
    refusal = UpstreamRefused("who are you", status=401)
    asking = Asking(a=refusal, b="never")
    asking.refusal = refusal
    with pytest.raises(UpstreamRefused, match="who are you"):
        asking.served("a", "b")
    assert asking.asked == [("a", False)]


def test_fallback_that_refuses_the_clients_key_is_not_the_last() -> None:
    refusal = UpstreamRefused("who are you", status=401)
    asking = Asking(a=UpstreamUnavailable("gone"), b=refusal, c="answer")
    asking.refusal = refusal
    assert asking.served("a", "b", "c") == "answer"


def test_fallback_that_wants_a_key_is_passed_over_by_who_brings_none() -> None:
    asking = Asking(a=UpstreamUnavailable("gone"), b="never")
    asking.shut = "b"
    with pytest.raises(UpstreamUnavailable, match="gone"):
        asking.served("a", "b")
    assert asking.asked == [("a", True)]
    asking.shut, asking.script["a"] = "a", "answer"
    assert asking.served("a", "b") == "answer"


def test_who_was_left_alone_for_the_sake_of_others_is_told_of_by_what_is_wrong_with_it() -> None:
    resting, why = UpstreamUnavailable("left alone, because another one can be asked", code="upstream_resting"), UpstreamUnavailable("ill")
    resting.__cause__ = why
    with pytest.raises(UpstreamUnavailable) as raised:
        Asking(a=resting, b=UpstreamBroken("garbage")).served("a", "b")
    assert raised.value is why


@pytest.mark.parametrize("then", [(), ("b",)])
def test_what_is_true_is_told_in_the_place_of_an_error(then: tuple[str, ...]) -> None:
    missing, unknown = ModelNotFound("m"), UpstreamUnavailable("some lists are not known")
    asking = Asking(a=missing, b=UpstreamRefused("who are you", status=401))
    asking.explained[missing] = unknown
    with pytest.raises(UpstreamUnavailable) as raised:
        asking.served("a", *then)
    assert raised.value is unknown


def test_wrong_request_is_not_asked_elsewhere() -> None:
    asking = Asking(a=UpstreamRefused("wrong", status=400), b="never")
    with pytest.raises(UpstreamRefused, match="wrong"):
        asking.served("a", "b")
    assert asking.asked == [("a", False)]


GONE, BUSY, WRONG = UpstreamUnavailable("gone"), UpstreamRefused("slow down", status=429), UpstreamRefused("wrong", status=400)
MISSING, REFUSED = ModelNotFound("m"), UpstreamRefused("who are you", status=401)
SILENT = for_good(UpstreamTimeout("silent"))


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([GONE, BUSY], GONE),
        ([BUSY, GONE], BUSY),
        ([GONE, MISSING], GONE),
        ([MISSING, GONE], GONE),
        ([REFUSED, MISSING, BUSY], BUSY),
        ([MISSING, REFUSED], MISSING),
        ([GONE, WRONG], GONE),
        ([GONE, SILENT], SILENT),
        ([MISSING, WRONG], MISSING),
        ([MISSING, Overloaded("full")], None),
    ],
)
def test_what_is_told_is_the_first_error_that_may_pass(errors: list[ProxyError], told: ProxyError | None) -> None:
    names = "abc"[: len(errors)]
    with pytest.raises(ProxyError) as raised:
        Asking(**dict(zip(names, errors, strict=True))).served(*names)
    assert raised.value is (told or errors[-1])


def test_alone_it_tells_its_own_error() -> None:
    asking = Asking(a=MISSING)
    with pytest.raises(ModelNotFound):
        asking.served("a")
    assert (asking.asked, asking.notes.earlier) == ([("a", True)], [])
