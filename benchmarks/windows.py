"""How many answers came while one was asked, and whether these are enough to tell a rate. Pure.

On so many connections answers come in waves, of one for each connection, and those that are under way when the time is over are not
counted. With few waves that is a great part: a rate of them says more of the window than of who was asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.plan import Sample

# From so many waves on, what is under way at the end is a small part.
_ENOUGH_WAVES = 4


def has_enough(sample: Sample) -> bool:
    """Whether so many answers came that a longer window is not needed."""
    return sample["answers"] >= _ENOUGH_WAVES * sample["connections"]


def tells_a_rate(sample: Sample, plan: Mapping[str, Any]) -> bool:
    """Whether there was an answer for each connection, at least. `plan` is that of the run."""
    answers = _answers(sample, plan)
    return answers is None or answers >= sample["connections"]


def remark_on(samples: Sequence[Sample], plan: Mapping[str, Any]) -> str:
    """What readers must know of the windows of one contender's rounds; `""` when they were like everybody's, and held enough."""
    silent = [str(number) for number, sample in enumerate(samples, 1) if not tells_a_rate(sample, plan)]
    counted = [(sample, count) for sample in samples if tells_a_rate(sample, plan) and (count := _answers(sample, plan)) is not None]
    told = []
    if silent:
        told.append(f"left out of its figures: round {', '.join(silent)}, in whose window fewer answers came than there were connections")
    asked_s = {_window_s(sample, plan) for sample, _ in counted}
    windows_s = sorted(seconds for seconds in asked_s if seconds is not None and seconds != plan.get("load_s"))
    if windows_s:
        is_noted = all("window_s" in sample for sample, _ in counted)
        noted = "" if is_noted else " (which was not noted, but follows from how long answers took)"
        told.append(f"asked for {' or '.join(f'{seconds:g}' for seconds in windows_s)} s in a round{noted}, as it is slow")
    if any(count < _ENOUGH_WAVES * sample["connections"] for sample, count in counted):
        counts = [round(count) for _, count in counted]
        about = "" if all("answers" in sample for sample, _ in counted) else "about "
        told.append(f"{about}{min(counts)} to {max(counts)} answers in a round, which come in waves: its rates are rough")
    return "; ".join(told)


def _answers(sample: Sample, plan: Mapping[str, Any]) -> float | None:
    """How many came; `None` where that cannot be known, or where it is not answers that are counted."""
    if "answers" in sample:
        return sample["answers"]
    window_s = _window_s(sample, plan)
    return None if "connections" not in sample or window_s is None else sample["requests_per_s"] * window_s


def _window_s(sample: Sample, plan: Mapping[str, Any]) -> float | None:
    """How long it was asked. Not all runs noted it: where half of the answers took longer than the usual window, it was the longer."""
    if "window_s" in sample or "p50_us" not in sample or "load_s" not in plan:
        return sample.get("window_s")
    return float(plan["load_s"] if sample["p50_us"] < plan["load_s"] * 1e6 else plan["slow_load_s"])
