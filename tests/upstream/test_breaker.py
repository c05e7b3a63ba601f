"""What counts, what does not, and who is let through."""

from __future__ import annotations

import threading

import pytest

from proxy.errors import UpstreamError, UpstreamRefused, UpstreamTimeout, UpstreamUnavailable
from proxy.upstream.breaker import Breakers
from proxy.upstream.faults import Fault, Verdict, refusal_of
from tests.upstream.conftest import Clock

DEAD = Fault(UpstreamTimeout("silent"), Verdict.UNREACHABLE)
STALE = Fault(UpstreamError("stale"), Verdict.NOTHING)


def a_refusal(status: int, retry_after_s: float | None = None) -> Fault:
    return refusal_of(UpstreamRefused(f"sorry {status}", status=status, retry_after_s=retry_after_s), {})


ILL, REFUSED = a_refusal(500), a_refusal(400)


@pytest.fixture
def changes() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def breakers(clock: Clock, changes: list[tuple[str, str]]) -> Breakers:
    return Breakers(failures=3, cooldown_s=5, clock=clock, on_change=lambda *change: changes.append(change))


def call(breakers: Breakers, *faults: Fault | None, model: str = "m") -> None:
    for fault in faults:
        with breakers.admit(model) as passage:
            passage.settle(fault)


def is_let_in(breakers: Breakers, model: str = "m") -> bool:
    try:
        with breakers.admit(model):
            return True
    except UpstreamUnavailable:
        return False


def test_failures_in_a_row_open_the_breaker_of_their_model(breakers: Breakers, changes: list[tuple[str, str]]) -> None:
    call(breakers, ILL, ILL)
    assert is_let_in(breakers)
    call(breakers, ILL)
    assert breakers.states() == {"": "closed", "m": "open"}
    assert changes == [("m", "open")]
    assert breakers.blocks("m")
    assert not breakers.blocks("other")
    with pytest.raises(
        UpstreamUnavailable, match=r"model 'm'.*3 times in a row, last with: sorry 500; it is asked again in 5\.0 s"
    ) as caught:
        call(breakers, None)
    assert caught.value.retry_after_s == 5.0


def test_failures_to_answer_open_the_breaker_of_all_models(breakers: Breakers, changes: list[tuple[str, str]]) -> None:
    call(breakers, DEAD, model="a")
    call(breakers, DEAD, model="b")
    call(breakers, DEAD, model="c")
    assert breakers.states() == {"": "open"}
    assert changes == [("", "open")]
    assert breakers.blocks("d")
    with pytest.raises(UpstreamUnavailable, match="the upstream failed 3 times in a row, last with: silent"):
        call(breakers, None, model="d")


@pytest.mark.parametrize(
    ("status", "counts"),
    [(500, True), (502, True), (503, True), (529, True), (408, True), (501, False), (429, False), (409, False), (425, False)],
)
def test_which_statuses_count(breakers: Breakers, status: int, counts: bool) -> None:
    call(breakers, *[a_refusal(status)] * 3)
    assert is_let_in(breakers) is not counts


def test_a_success_makes_the_row_start_anew(breakers: Breakers) -> None:
    call(breakers, ILL, ILL, None, ILL, ILL)
    assert is_let_in(breakers)
    call(breakers, DEAD, DEAD, None, DEAD, DEAD)
    assert is_let_in(breakers)


def test_a_refused_request_says_nothing_of_the_model_but_that_the_server_answers(breakers: Breakers) -> None:
    call(breakers, DEAD, DEAD, REFUSED, DEAD, DEAD)
    assert is_let_in(breakers)
    call(breakers, ILL, ILL, REFUSED, a_refusal(429), ILL)
    assert breakers.states() == {"": "closed", "m": "open"}


def test_an_ill_model_shows_that_the_server_answers(breakers: Breakers) -> None:
    call(breakers, DEAD, DEAD, ILL, DEAD, DEAD)
    assert breakers.states()[""] == "closed"


def test_stale_connections_and_clients_that_leave_change_nothing(breakers: Breakers) -> None:
    class Left(BaseException):
        pass

    call(breakers, DEAD, DEAD, STALE)
    for kind in (Left, GeneratorExit):
        with pytest.raises(kind), breakers.admit("m"):
            raise kind
    assert breakers.states() == {"": "closed"}
    call(breakers, DEAD)
    assert breakers.states() == {"": "open"}


def test_after_the_cooldown_one_probe_at_a_time_is_let_in(breakers: Breakers, clock: Clock) -> None:
    call(breakers, ILL, ILL, ILL)
    clock.now_s += 4.9
    assert not is_let_in(breakers)
    clock.now_s += 0.1
    assert breakers.states()["m"] == "half-open"
    assert not breakers.blocks("m")
    with breakers.admit("m") as probe:
        assert not is_let_in(breakers)
        assert is_let_in(breakers, "other")
        probe.settle(None)
    assert breakers.states() == {"": "closed"}
    call(breakers, ILL, ILL)
    assert is_let_in(breakers)


def test_a_failed_probe_opens_the_breaker_again(breakers: Breakers, clock: Clock, changes: list[tuple[str, str]]) -> None:
    call(breakers, DEAD, DEAD, DEAD)
    clock.now_s += 5
    call(breakers, DEAD)
    assert not is_let_in(breakers)
    clock.now_s += 4.9
    assert not is_let_in(breakers)
    clock.now_s += 0.1
    call(breakers, None)
    assert changes == [("", "open"), ("", "half-open"), ("", "open"), ("", "half-open"), ("", "closed")]


@pytest.mark.parametrize("fault", [REFUSED, STALE, a_refusal(429)])
def test_a_probe_that_teaches_nothing_makes_room_for_the_next(breakers: Breakers, clock: Clock, fault: Fault) -> None:
    call(breakers, ILL, ILL, ILL)
    clock.now_s += 5
    call(breakers, fault)
    assert breakers.states()["m"] == "half-open"
    with pytest.raises(GeneratorExit), breakers.admit("m"):
        raise GeneratorExit
    call(breakers, None)
    assert breakers.states() == {"": "closed"}


def test_a_probe_of_the_server_is_given_back_when_its_model_is_blocked(breakers: Breakers, clock: Clock) -> None:
    call(breakers, ILL, ILL)
    call(breakers, DEAD, DEAD, model="other")
    with breakers.admit("m") as late:
        call(breakers, DEAD, model="other")
        late.settle(ILL)
    clock.now_s += 5
    call(breakers, ILL)
    assert breakers.states()["m"] == "open"
    assert not is_let_in(breakers)
    assert is_let_in(breakers, "other")


def test_answers_that_come_after_the_breaker_opened_do_not_confuse_it(breakers: Breakers, clock: Clock) -> None:
    with breakers.admit("m") as slow, breakers.admit("m") as slower:
        call(breakers, DEAD, DEAD, DEAD)
        slow.settle(DEAD)
        slower.settle(None)
        assert breakers.states()[""] == "open"
        clock.now_s += 5
    call(breakers, None)
    assert breakers.states()[""] == "closed"


def test_many_threads_get_one_probe(breakers: Breakers, clock: Clock) -> None:
    call(breakers, DEAD, DEAD, DEAD)
    clock.now_s += 5
    everyone, release, let_in = threading.Barrier(8), threading.Event(), []

    def try_it() -> None:
        everyone.wait(5)
        try:
            with breakers.admit("m"):
                let_in.append(1)
                release.wait(5)
        except UpstreamUnavailable:
            pass

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    while sum(thread.is_alive() for thread in threads) > 1:
        threads[0].join(0.01)
    release.set()
    for thread in threads:
        thread.join(5)
    assert len(let_in) == 1


def test_a_429_is_no_failure(breakers: Breakers) -> None:
    call(breakers, *[a_refusal(429, 3.0)] * 5)
    assert is_let_in(breakers)
    assert breakers.all_closed


def test_an_open_breaker_lets_one_through_before_its_time_if_that_must_be(breakers: Breakers, clock: Clock) -> None:
    call(breakers, DEAD, DEAD, DEAD)
    assert (breakers.all_closed, breakers.rest_s("m")) == (False, 5.0)
    clock.now_s += 2
    assert breakers.rest_s("m") == 3.0
    with breakers.admit("m", anyway=True) as probe:
        assert breakers.rest_s("m") > 0
        with pytest.raises(UpstreamUnavailable), breakers.admit("m", anyway=True):
            pass
        probe.settle(DEAD)
    assert breakers.rest_s("m") == 5.0
    with breakers.admit("m", anyway=True) as probe:
        probe.settle(None)
    assert (breakers.all_closed, breakers.rest_s("m")) == (True, 0.0)


def test_the_rest_of_a_model_is_its_own_or_that_of_the_way(breakers: Breakers, clock: Clock) -> None:
    call(breakers, ILL, ILL, ILL)
    assert (breakers.rest_s("m"), breakers.rest_s("n")) == (5.0, 0.0)
    assert not breakers.all_closed
    clock.now_s += 1
    call(breakers, DEAD, DEAD, DEAD, model="n")
    assert (breakers.rest_s("m"), breakers.rest_s("n")) == (5.0, 5.0)


def test_ill_models_are_remembered_up_to_a_bound(breakers: Breakers, changes: list[tuple[str, str]]) -> None:
    for number in range(300):
        call(breakers, ILL, ILL, ILL, model=f"m{number}")
    assert len(breakers.states()) == 257
    assert "m0" not in breakers.states()
    assert changes[-2:] == [("m43", "closed"), ("m299", "open")]
    assert is_let_in(breakers, "m0")


def test_calls_about_no_model_have_no_breaker_of_a_model(breakers: Breakers) -> None:
    call(breakers, *[ILL] * 10, model="")
    assert breakers.states() == {"": "closed"}
