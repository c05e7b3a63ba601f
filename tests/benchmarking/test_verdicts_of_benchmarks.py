"""Which targets a run has met, and by which of its rounds."""

from __future__ import annotations

import pytest

from benchmarks.plan import Ratio
from benchmarks.results import Results
from benchmarks.tables import all_tables
from benchmarks.targets import verdicts
from tests.benchmarking.made_up import a_race, a_run, answered, samples


def test_added_time_to_first_token_is_told_against_the_upstream_itself() -> None:
    results = a_run(
        first_token={
            "rounds": {
                "gateway": samples(total_p50_us=[2000, 4000], total_p99_us=[3000, 5000]),
                "bare": samples(total_p50_us=[3000, 7000], total_p99_us=[3000, 7000]),
                "direct": samples(total_p50_us=[1000, 1000], total_p99_us=[9, 9]),
            }
        }
    )
    assert results.added_first_token_us("gateway") == 2000
    assert results.added_first_token_us("gateway", "total_p99_us") == 3000
    assert results.added_first_token_ratio("gateway") == Ratio(0.5, 0.5, 0.5)
    assert results.added_first_token_ratio("litellm") is None


def test_a_target_is_met_missed_or_not_measured() -> None:
    rounds = {"gateway": samples(requests_per_s=[210]), "relay": samples(requests_per_s=[100]), "bare": samples(requests_per_s=[100])}
    found = {(row.what, row.target): row for row in verdicts(a_run(chat={"rounds": rounds}))}
    assert found["translated chat, answers/s", "at least 2 x bare"].met is True
    assert found["relayed chat, answers/s", "at least 2.2 x bare"].met is False
    assert found["relayed chat, answers/s", "at least 2.2 x bare"].measured == "1 x bare (1 to 1)"
    assert found["held streams, lost", "at most 0 streams"].met is None


def test_a_history_that_costs_by_its_length_is_linear() -> None:
    def growth(costs: dict[str, float]) -> Results:
        return a_run(growth={"messages": {"rounds": {number: samples(cpu_us_per_request=[cost]) for number, cost in costs.items()}}})

    def verdict(results: Results) -> bool | None:
        return next(row.met for row in verdicts(results) if "message" in row.what)

    assert verdict(growth({"2": 102, "100": 200, "200": 300})) is True
    assert verdict(growth({"2": 102, "100": 200, "200": 900})) is False
    assert verdict(growth({"2": 102, "20": 120})) is None


def test_a_verdict_by_rounds_tells_their_spread() -> None:
    rounds = {"2": samples(cpu_us_per_request=[100] * 3), "100": samples(cpu_us_per_request=[198] * 3)}
    results = a_run(growth={"messages": {"rounds": {**rounds, "200": samples(cpu_us_per_request=[298, 398, 348])}}})
    row = next(row for row in verdicts(results) if "message" in row.what)
    assert (row.measured, row.met) == ("1.5 x the first hundred (1 to 2)", False)
    text = all_tables(results)
    assert "| 200 messages | 348 us | 3.48 (2.98 to 3.98) |" in text
    assert "| from 2 to 100 messages | 1.0 (1.0 to 1.0) |  |" in text
    assert "| from 100 to 200 messages | 1.5 (1.0 to 2.0) | 1.5 (1 to 2) |" in text


def test_growth_is_judged_by_rounds_and_not_by_medians_of_different_rounds() -> None:
    """A slow minute of the machine meets one round, in which everything is slow."""
    rounds = {"10": samples(cpu_us_per_request=[100, 200, 400]), "1000": samples(cpu_us_per_request=[110, 440, 440])}
    results = a_run(growth={"connections": {"rounds": rounds}})
    assert results.growth("connections", 1000, 10) == Ratio(1.1, 1.1, 2.2)
    assert results.growth("connections", 1000, 1) is None


@pytest.mark.parametrize(("noted", "told"), [({"window_s": [24]}, "for 24 s"), ({}, "for a time that was not noted")])
def test_how_long_the_most_connections_were_asked_is_told(noted: dict[str, list[float]], told: str) -> None:
    rounds = {"10": samples(cpu_us_per_request=[100]), "1000": samples(cpu_us_per_request=[130], **noted)}
    assert f" 1000 connections were asked {told} in each round." in all_tables(a_run(growth={"connections": {"rounds": rounds}}))


def test_the_window_of_many_connections_follows_from_the_plan_where_it_was_not_noted() -> None:
    rounds = {"10": samples(cpu_us_per_request=[100]), "1000": samples(cpu_us_per_request=[130])}
    results = a_run(growth={"connections": {"rounds": rounds}}, stream={"rounds": {"gateway": [answered(300)]}})
    text = all_tables(Results({**results.content, "run": {**results.content["run"], "growth_s": 2}}))
    assert "1000 connections were asked for 8 s in each round." in text
    assert "by later code: it asked nobody again for too few answers, and counted 1,000 connections for 8 s." in text


def test_nothing_is_said_of_later_code_where_the_run_asked_again() -> None:
    rounds = {"1000": samples(cpu_us_per_request=[130], window_s=[24])}
    stream = {"rounds": {"gateway": [answered(300, window_s=3, answers=900)]}}
    assert "later code" not in all_tables(a_run(growth={"connections": {"rounds": rounds}}, stream=stream))


def test_rounds_with_fewer_answers_than_connections_are_left_out_and_told_of() -> None:
    ours = [answered(300, window_s=3, answers=900), answered(600, window_s=3, answers=1800), answered(900, window_s=3, answers=2700)]
    theirs = [answered(3, window_s=12, answers=36), answered(0.3, window_s=3, answers=1), answered(6, window_s=12, answers=72)]
    results = a_run(stream={"rounds": {"gateway": ours, "litellm": theirs}})
    assert results.ratio("stream", "gateway", "requests_per_s", "litellm") == Ratio(125, 100, 150)
    assert results.median("stream", "litellm", "requests_per_s") == 4.5
    assert "| at least 50 x LiteLLM | 125 x LiteLLM (100 to 150), of 2 of 3 rounds | yes |" in all_tables(results)
    assert results.problems("stream") == {
        "litellm": "left out of its figures: round 2, in whose window fewer answers came than there were connections; "
        "asked for 12 s in a round, as it is slow; 36 to 72 answers in a round, which come in waves: its rates are rough"
    }


def test_a_window_that_was_not_noted_follows_from_how_long_answers_took() -> None:
    theirs = [answered(2.65, p50_us=5_000_000), answered(1, p50_us=2_500_000)]
    results = a_run(stream={"rounds": {"litellm": theirs, "gateway": [answered(300), answered(300)]}})
    assert results.median("stream", "litellm", "requests_per_s") == 2.65
    assert set(results.problems("stream")) == {"litellm"}
    assert "asked for 12 s in a round (which was not noted, but" in results.problems("stream")["litellm"]
    assert "; about 32 to 32 answers" in results.problems("stream")["litellm"]


def test_who_has_no_round_that_tells_anything_was_not_measured() -> None:
    rounds = {"gateway": [answered(300)], "litellm": [answered(1)]}
    found = {(row.what, row.target): row for row in verdicts(a_run(stream={"rounds": rounds}))}
    assert found["translated stream, records/s", "at least 50 x LiteLLM"].met is None


@pytest.mark.parametrize(("rate", "told"), [(209, "was not met: 2.09."), (310, "was met: 3.1.")])
def test_the_stretch_is_told_below_the_targets(rate: int, told: str) -> None:
    assert f"3 x bare, {told}" in all_tables(a_race(bare=100, gateway=rate))
