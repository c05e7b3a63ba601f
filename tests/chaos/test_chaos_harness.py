"""The harness finds what it looks for: nginx stands in for the gateway, whose weaknesses are known."""

from __future__ import annotations

import pytest

from chaos.measures import Outcome
from chaos.performance import perform
from chaos.plan import BUSY, SHORT, Plan
from chaos.scenarios import BY_NAME
from chaos.subjects import NGINX
from tests.components import require


def found(name: str, plan: Plan = SHORT) -> Outcome:
    require("nginx")
    return perform(BY_NAME[name], plan, NGINX)


def test_streams_that_are_cut_are_wrong_ends_because_nginx_tells_nobody() -> None:
    outcome = found("cut")
    assert outcome.figures.wrong > 0
    assert all("cut off without a word" in failure for failure in outcome.failures)
    assert any("still asked" in problem or "left the ill replica" in problem for problem in outcome.problems)


def test_requests_that_meet_the_wrong_key_are_lost_because_nginx_hands_the_401_on() -> None:
    outcome = found("401")
    assert outcome.figures.lost == outcome.figures.refused > 0
    assert f"{outcome.figures.lost} lost" in outcome.problems


def test_nothing_is_lost_to_a_reset_because_nginx_asks_the_next_one() -> None:
    outcome = found("reset")
    assert (outcome.figures.lost, outcome.figures.wrong) == (0, 0)
    assert outcome.figures.attempts_per_request is not None
    assert outcome.figures.attempts_per_request > 1
    assert outcome.figures.back_s is not None


@pytest.mark.parametrize("name", ["killed", "frozen"])
def test_a_replica_that_dies_and_comes_back_is_seen_to_do_so(name: str) -> None:
    outcome = found(name, BUSY)
    assert outcome.figures.lost == 0
    assert outcome.figures.back_s is not None
    assert outcome.figures.left_s is not None
    assert outcome.figures.left_s < BUSY.ill_s - 1
