"""Rounds, plans, medians and ratios."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import run
from benchmarks.plan import FULL, QUICK, SECTIONS, SHORT, Ratio, medians, percentile, ratio, turns
from tests.benchmarking.made_up import samples


def test_contenders_take_turns_and_nobody_always_follows_the_same_one() -> None:
    assert list(turns(["a", "b"], 3)) == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]


def test_medians_of_the_metrics_that_all_rounds_have() -> None:
    assert medians([{"x": 1, "y": 5}, {"x": 9}, {"x": 2}]) == {"x": 2}


def test_a_ratio_compares_within_rounds_so_that_a_slow_round_does_not_show() -> None:
    fast, slow = samples(rate=[200, 20, 100]), samples(rate=[100, 10, 40])
    assert ratio(fast, slow, "rate") == Ratio(2.0, 2.0, 2.5)


def test_a_ratio_of_different_numbers_of_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        ratio(samples(rate=[1]), samples(rate=[1, 2]), "rate")


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_percentile_when_values_come_in_any_order(percent: float, value: float) -> None:
    assert percentile([*range(100, 50, -1), *range(1, 51)], percent) == value


def test_percentile_of_few_values_is_one_of_them() -> None:
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([7], 99) == 7


@pytest.mark.parametrize("plan", [FULL, SHORT, QUICK])
def test_plans_name_sections_that_there_are(plan: Any) -> None:
    assert set(plan.sections) <= set(SECTIONS)


def test_each_section_has_something_that_measures_it() -> None:
    assert tuple(run.SECTIONS) == SECTIONS


def test_the_quick_plan_stays_under_two_minutes_and_the_full_one_under_half_an_hour() -> None:
    """What the sections wait for by the clock; starting programs comes on top."""
    loads_s = len({"chat", "stream"}) * 3 * (QUICK.rounds * QUICK.load_s + QUICK.warm_up_s)
    assert loads_s + 3 * QUICK.paced_rounds * (QUICK.steady_s + QUICK.spare_s) < 60
    full_s = (2 * 11 + 2 * 6) * (FULL.rounds * FULL.load_s + 1) + 7 * FULL.paced_rounds * (FULL.steady_s + FULL.spare_s)
    full_s += 3 * FULL.history_rounds * FULL.history_s + (4 + 11 + 3) * FULL.growth_rounds * FULL.growth_s
    # Of the others, two are too slow for the usual window, where streams are asked for.
    full_s += 2 * FULL.rounds * (FULL.slow_load_s - FULL.load_s)
    assert full_s < 20 * 60
