"""What the page says beside a time that was missed: what others showed in that run."""

from __future__ import annotations

from benchmarks.company import what_others_showed
from tests.benchmarking.made_up import a_run, samples


def test_beside_a_missed_time_stands_what_others_showed() -> None:
    lags = {"gateway": [9000, 30_000], "bare": [12_000, 14_000], "direct": [1000, 1000]}
    paced = {name: samples(cpu_us_per_token=[1] * 2, lag_p50_us=[500] * 2, lag_p99_us=found) for name, found in lags.items()}
    told = "\n".join(what_others_showed(a_run(paced={"rounds": paced})))
    assert "per token, p99**: its lag was 9,000 to 30,000 us in the rounds. In the same run added the bare pass-through 12,000 us." in told
    assert "Rounds of others overlap with its own (the bare pass-through 12,000 to 14,000 us): who is slower this run does not" in told
    assert "median" not in told
    assert list(what_others_showed(a_run())) == []


def test_a_missed_pace_tells_how_busy_the_worker_was_and_what_the_floor_added() -> None:
    def carried(cpu_us: int, lag_us: int) -> list[dict[str, float]]:
        return samples(cpu_us_per_token=[cpu_us], tokens_per_s=[2000], lag_p50_us=[lag_us], lag_p99_us=[lag_us])

    paced = {"gateway": carried(250, 9000), "floor": carried(100, 7000), "bare": carried(250, 8000), "direct": carried(1, 1000)}
    told = "\n".join(what_others_showed(a_run(paced={"rounds": paced})))
    assert (
        "and its worker was busy for 50% of the time. In the same run added Flask and our upstream client alone 6,000 us, the bare" in told
    )
    assert "overlap" not in told


def test_a_missed_first_token_tells_what_each_layer_added() -> None:
    totals = {"gateway": 3900, "quiet": 3500, "floor": 2900, "bare": 4000, "direct": 1000}
    rounds = {name: samples(total_p50_us=[total], total_p99_us=[total]) for name, total in totals.items()}
    told = "\n".join(what_others_showed(a_run(first_token={"rounds": rounds})))
    assert "added Flask and our upstream client alone 1,900 us, the bare pass-through 3,000 us, the gateway without log and" in told
    assert (
        "within the rounds: Flask and our upstream client alone 0.633, the gateway without log and metrics 0.833, the gateway 0.967."
        in told
    )


def test_a_missed_p99_of_first_tokens_tells_whose_slowest_were_how_slow() -> None:
    totals = {"gateway": (3000, 11_000), "bare": (4000, 10_000), "litellm": (21_000, 41_000), "direct": (1000, 7000)}
    rounds = {name: samples(total_p50_us=[p50], total_p99_us=[p99]) for name, (p50, p99) in totals.items()}
    results = a_run(first_token={"rounds": rounds}, quietness={"first_token": {"seconds": 9, "others": 0.03, "stolen": 0.32}})
    told = "\n".join(what_others_showed(results))
    assert "to first token, p99**: in the same run it was the bare pass-through 3, the gateway 5, LiteLLM 2 x the median of the" in told
    assert "of the upstream itself, with nothing between, the p99 was 7 x the median." in told
    assert "The p99 of a round is the second slowest of 100 connections; told is the median of the rounds." in told
    assert "In the rounds the gateway's was 5.00." in told
    assert "While this section was measured, other programs on this machine and interrupts took 0.03 of a core, other machines" in told


def test_missed_growth_tells_what_the_run_does_not_show() -> None:
    rounds = {"10": samples(cpu_us_per_request=[100]), "1000": samples(cpu_us_per_request=[130])}
    told = "\n".join(what_others_showed(a_run(growth={"connections": {"rounds": rounds}})))
    assert "1.3 to 1.3 x 10 connections in the rounds. What so many connections cost the floor" in told
