"""What the page says of a missed rate: what it needs, and what stands in its way."""

from __future__ import annotations

from benchmarks.gap import what_is_missing
from benchmarks.tables import all_tables
from tests.benchmarking.made_up import a_race, a_run, samples, with_wavering_log


def test_a_missed_target_tells_what_it_needs_and_what_stands_in_its_way() -> None:
    told = "\n".join(what_is_missing(a_race(bare=500, constant=2500, floor=1250, quiet=800, gateway=625)))
    assert "**translated chat, answers/s**, at least 2 x bare: 1000 us an answer; it took 1600 us." in told
    assert told.count("x bare: ") == 1
    assert "gunicorn and Flask alone take 400 us. Within the rounds, our upstream client, the upstream's answer added 400 us (400" in told
    assert "guards added 450 us (450 to 450); access log and metrics added 350 us (350 to 350); medians of differences do not" in told
    assert "take 800 us: the target leaves 200 us for all else." in told
    assert "relayed" not in told


def test_a_floor_above_the_target_is_told() -> None:
    told = "\n".join(what_is_missing(a_race(bare=500, constant=2500, floor=900, quiet=800, gateway=625)))
    assert "take 1111 us, longer than the target: no gateway on this floor reaches it." in told


def test_times_are_those_of_the_answers_per_second_in_the_tables() -> None:
    """Ratios within rounds may differ from the ratio of the medians."""
    rounds = {"gateway": [500, 900, 1000], "bare": [500, 500, 600]}
    results = a_run(chat={"rounds": {name: samples(requests_per_s=rates) for name, rates in rounds.items()}})
    told = "\n".join(what_is_missing(results))
    assert "at least 2 x bare: 1000 us an answer; it took 1111 us." in told
    rounds["gateway"] = [500, 1000, 1000]
    rounds["bare"] = [500, 505, 480]
    results = a_run(chat={"rounds": {name: samples(requests_per_s=rates) for name, rates in rounds.items()}})
    told = "\n".join(what_is_missing(results))
    assert "it took 1000 us. That is within it: the ratios within the rounds, by which it is judged, say otherwise by a little." in told


def test_a_step_is_the_median_of_differences_within_rounds() -> None:
    text = all_tables(with_wavering_log())
    assert "| the same without log and metrics, Ollama to OpenAI | 1250 us | 450 us (200 to 1200) |" in text
    assert "| the gateway, Ollama to OpenAI | 1250 us | 250 us (-750 to 350) |" in text


def test_a_step_that_rounds_do_not_agree_on_cannot_be_told_and_the_profile_is_asked() -> None:
    told = "\n".join(what_is_missing(with_wavering_log()))
    assert "clocks cannot tell here: the difference is above 0 in some rounds and below it in others." in told
    assert "The profile" not in told
    layers = {"libraries for log and metrics": 0.1, "our log and metrics": 0.05, "gunicorn": 0.85}
    profile = {"cpu_us_per_request": 100, "layers": layers, "functions": []}
    assert "The profile has them at 15% of the processor time." in "\n".join(what_is_missing(with_wavering_log(profile=profile)))


def test_nothing_is_said_of_noise_where_all_rounds_agree() -> None:
    assert "cannot tell" not in all_tables(a_race(bare=500, constant=2500, floor=1250, quiet=800, gateway=625))


def test_a_missed_target_against_others_is_told_in_times_of_bare() -> None:
    told = "\n".join(what_is_missing(a_race(bare=500, gateway=1100, litellm=50)))
    assert "at least 20 x LiteLLM: 1000 us an answer; it took 909 us." not in told
    told = "\n".join(what_is_missing(a_race(bare=500, gateway=1100, litellm=100)))
    assert "at least 20 x LiteLLM: 500 us an answer; it took 909 us. In this run the target is 4 x bare." in told


def test_nothing_is_missing_where_all_targets_are_met() -> None:
    assert list(what_is_missing(a_race(bare=500, gateway=1100))) == []


def test_the_floor_and_the_gateway_stand_in_one_table() -> None:
    text = all_tables(a_race(bare=500, constant=2500, floor=1250, quiet_relay=1000, relay=800))
    assert "### From the floor to the gateway: a whole answer, relayed" in text
    assert "| Flask and our upstream client alone | 800 us | 400 us (400 to 400) |" in text
    assert "| the gateway, OpenAI relayed | 1250 us | 250 us (250 to 250) |" in text
