"""The retry budget, against a list of all that happened."""

from __future__ import annotations

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.budget import RetryBudget
from tests.upstream.conftest import Clock

Step = tuple[float, Literal["request", "retry"]]


def retries(budget: RetryBudget, attempts: int = 1000) -> int:
    """How many of so many attempts are granted."""
    return sum(budget.take_retry() for _ in range(attempts))


def test_a_quiet_gateway_may_try_again() -> None:
    assert retries(RetryBudget(Clock(), share=0.2, floor=10)) == 10


def test_a_busy_one_may_for_a_share_of_its_requests_too() -> None:
    budget = RetryBudget(Clock(), share=0.2, floor=10)
    for _ in range(500):
        budget.note_request()
    assert retries(budget) == 110


def test_what_is_older_than_the_window_does_not_count() -> None:
    clock = Clock()
    budget = RetryBudget(clock, share=0.5, window_s=10, floor=2)
    for _ in range(100):
        budget.note_request()
    assert retries(budget) == 52
    clock.now_s += 8.9
    assert retries(budget) == 0
    clock.now_s += 1.2
    assert retries(budget) == 2
    clock.now_s += 1e6
    assert retries(budget) == 2


def test_without_floor_and_share_nothing_is_sent_again() -> None:
    budget = RetryBudget(Clock(), share=0, floor=0)
    budget.note_request()
    assert not budget.take_retry()


def test_an_outage_is_not_multiplied() -> None:
    """All requests fail, each would be sent again three times: the upstream sees a fifth more, and not four times as many."""
    clock = Clock()
    budget = RetryBudget(clock, share=0.2, window_s=10, floor=10)
    sent = 0
    for _ in range(6000):
        clock.now_s += 0.01
        budget.note_request()
        sent += 1 + retries(budget, 3)
    assert 6000 * 1.15 < sent <= 6000 * 1.2 + 10 * 7


@given(steps=st.lists(st.tuples(st.sampled_from([0.0, 0.0, 0.3, 1.0, 4.0, 25.0]), st.sampled_from(["request", "retry"])), max_size=80))
def test_it_agrees_with_a_list_of_all_that_happened(steps: list[Step]) -> None:
    clock = Clock()
    budget = RetryBudget(clock, share=0.5, window_s=10, floor=2)
    requests: list[int] = []
    granted: list[int] = []
    for wait_s, what in steps:
        clock.now_s += wait_s
        now = int(clock.now_s)  # A tenth of the window is a second.
        if what == "request":
            budget.note_request()
            requests.append(now)
            continue
        recent = sum(slot > now - 10 for slot in requests)
        due = sum(slot > now - 10 for slot in granted) + 1 <= 2 + 0.5 * recent
        assert budget.take_retry() == due
        granted += [now] * due
