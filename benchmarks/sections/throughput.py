"""How many answers there can be in a second, and what each costs: a workload, as often as it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.loads.wrk import LoadFailed
from benchmarks.plan import Plan, Sample, turns
from benchmarks.sections.lineup import Asking, Lineup, found, lineup
from benchmarks.site import Site
from benchmarks.titles import TITLES
from benchmarks.workloads import Workload


def measure_throughput(site: Site, plan: Plan, workload: Workload, names: Sequence[str]) -> dict[str, Any]:
    """Samples of each contender in turn; `records` is how many records one answer has."""
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    with lineup(site, site.canned, workload.place, names) as ready:
        lengths = ready.judge(workload)
        asking = {
            name: Asking(site, standing, workload.questions[standing.contender.dialect], lengths[name], plan.connections)
            for name, standing in ready.standings.items()
        }
        for name in ready.names:
            _sample(ready, asking[name], plan.warm_up_s, plan.slow_load_s)
        for round_number, name in turns(ready.names, plan.rounds):
            sample = _sample(ready, asking[name], plan.load_s, plan.slow_load_s) if name in ready.standings else None
            if sample is None:
                continue
            samples[name].append(sample)
            site.say(
                f"  {workload.name} {round_number + 1}/{plan.rounds} {TITLES[name]}: {sample['requests_per_s']:.0f} requests/s, "
                f"{sample['cpu_us_per_request']:.0f} us of processor each"
            )
        return found(ready, {name: samples[name] for name in ready.names}, records=workload.records)


def _sample(ready: Lineup, asking: Asking, seconds: int, slow_s: int) -> Sample | None:
    """What the next seconds show; `None` when one of the others gave no answer in `slow_s` either, who is left out then."""
    name = asking.standing.contender.name
    try:
        sample = asking.sample(seconds)
    except LoadFailed as failure:
        if seconds < slow_s:
            return _sample(ready, asking, slow_s, slow_s)
        ready.leave_out(name, str(failure))
        return None
    if sample["wrong"]:
        ready.note(name, ready.problems.get(name) or f"{sample['wrong']:.2%} of its answers were wrong")
    return sample
