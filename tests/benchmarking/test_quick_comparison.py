"""What a quick run says of the run that is recorded."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from benchmarks.plan import QUICK
from benchmarks.quick import comparison, lost_or_won, smallest_seen_loss
from benchmarks.report import RECORDED, RESULTS, what_is_compared
from tests.benchmarking.made_up import a_run, samples


def recorded(value: float, low: float, high: float) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "better": "higher"}


@pytest.mark.parametrize(
    ("better", "value", "told"),
    [("higher", 2.5, "won 25%"), ("higher", 1.5, "LOST 25%"), ("lower", 2.5, "LOST 25%"), ("lower", 1.5, "won 25%")],
)
def test_a_change_beyond_the_rounds_is_lost_or_won(better: str, value: float, told: str) -> None:
    assert lost_or_won(recorded(2.0, 1.9, 2.1), {"value": value, "low": value, "high": value, "better": better}) == told


@pytest.mark.parametrize(("value", "low", "high"), [(2.2, 1.9, 2.4), (1.95, 1.95, 1.95), (1.8, 1.7, 2.05)])
def test_a_change_within_the_rounds_of_either_run_is_none(value: float, low: float, high: float) -> None:
    assert lost_or_won(recorded(2.0, 1.9, 2.1), {"value": value, "low": low, "high": high, "better": "higher"}) == "within the spread"


@pytest.mark.parametrize(
    ("better", "now", "share"),
    [
        ("higher", (2.0, 1.9, 2.1), 0.05),
        ("higher", (2.0, 1.9, 2.5), 0.2),
        ("lower", (2.0, 1.9, 2.1), 0.053),
        ("lower", (2.0, 1.6, 2.1), 0.25),
    ],
)
def test_the_smallest_loss_that_is_seen_follows_from_the_spread(better: str, now: tuple[float, float, float], share: float) -> None:
    found = {"value": now[0], "low": now[1], "high": now[2], "better": better}
    assert smallest_seen_loss(recorded(2.0, 1.9, 2.1), found) == pytest.approx(share, abs=0.004)
    more, less = (1 + share + 0.01, 1 + share - 0.01) if better == "lower" else (1 - share - 0.01, 1 - share + 0.01)
    told = [
        lost_or_won(recorded(2.0, 1.9, 2.1), {**found, **{key: found[key] * times for key in ("value", "low", "high")}})  # type: ignore[operator]
        for times in (more, less)
    ]
    assert told[0].startswith("LOST")
    assert told[1] == "within the spread"


def test_a_comparison_shows_what_is_not_recorded_yet_and_how_little_it_sees() -> None:
    now = {"chat": {"value": 2.0, "low": 1.9, "high": 2.1, "better": "higher"}}
    assert comparison({}, now, {}, {}).splitlines()[1].endswith("not recorded")
    text = comparison({"chat": recorded(2.0, 1.5, 2.1)}, now, {}, {})
    assert text.splitlines()[1].endswith("within the spread  above 25%")
    assert "measure the recorded code beside it" in text


@pytest.mark.parametrize(
    ("others", "stolen", "told", "within"),
    [
        (0.02, 0.05, "LOST 50%", "within the spread  above 5%"),
        (0.02, 0.4, "LOST 50%", "within the spread  above 5%"),
        (0.3, 0.0, "cannot tell: the machine was busy", "within the spread"),
    ],
)
def test_nothing_is_called_lost_where_other_programs_were_busy(others: float, stolen: float, told: str, within: str) -> None:
    """A host that gives time to other machines is none of them: it may do so always."""
    now = {"chat": {"value": 1.0, "low": 0.9, "high": 1.1, "better": "higher"}, "stream": recorded(2.0, 1.9, 2.1)}
    before = {"chat": recorded(2.0, 1.9, 2.1), "stream": recorded(2.0, 1.9, 2.1)}
    text = comparison(before, now, {"chat": {"seconds": 9, "others": others, "stolen": stolen}}, {})
    assert told in text.splitlines()[1]
    assert text.splitlines()[2].endswith(within)
    assert ("LOST and won mean" in text) == told.startswith("LOST")
    assert f"interrupts took {others:.2f} of a core, other machines on its host {stolen:.2f}." in text


def test_sections_that_were_recorded_on_a_busy_machine_are_named() -> None:
    now = {"chat": recorded(2.0, 1.9, 2.1)}
    quiet = {"seconds": 9, "others": 0.02, "stolen": 0.3}
    text = comparison(now, now, {"chat": quiet, "paced": quiet}, {"chat": {**quiet, "others": 0.23}, "paced": quiet, "held": quiet})
    assert "Other programs kept the machine busy when these were recorded: chat (0.23 of a core).\n" in text
    assert "when these were recorded" not in comparison(now, now, {"chat": quiet}, {"chat": quiet})


def test_what_quick_runs_are_compared_with_is_the_kept_run() -> None:
    assert orjson.loads(RECORDED.read_bytes()) == orjson.loads(orjson.dumps(what_is_compared(orjson.loads(RESULTS.read_bytes()))))


def test_the_ratios_that_are_recorded_are_those_that_a_quick_run_measures() -> None:
    rounds = {name: samples(requests_per_s=[1], cpu_us_per_request=[1]) for name in ("gateway", "relay", "bare")}
    paced = {name: samples(cpu_us_per_token=[1]) for name in ("gateway", "relay", "bare")}
    first = {name: samples(total_p50_us=[total]) for name, total in (("gateway", 3), ("relay", 3), ("bare", 3), ("direct", 1))}
    results = a_run(chat={"rounds": rounds}, stream={"rounds": rounds}, paced={"rounds": paced}, first_token={"rounds": first})
    assert set(QUICK.sections) == set(results.content["sections"])
    assert len(results.key_ratios()) == 12
    assert {found["value"] for found in results.key_ratios().values()} == {1.0}
