"""How many answers there can be in a second, and what each costs: a workload, as often as it is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.loads.wrk import LoadFailed
from benchmarks.plan import Plan, Sample, turns
from benchmarks.sections.lineup import Asking, Lineup, found, lineup, problem_of_sample
from benchmarks.site import Site
from benchmarks.titles import TITLES
from benchmarks.workloads import Workload


def measure_throughput(site: Site, plan: Plan, workload: Workload, names: Sequence[str]) -> dict[str, Any]:
    """Samples of each contender in turn; `records` is how many records one answer has."""
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    with lineup(site, site.canned, workload.place, names) as ready:
        asking = ready.asking(workload, ready.judge(workload), plan)
        for name in ready.names:
            _noted(ready, asking[name], partial(asking[name].warm_up, plan.warm_up_s))
        for round_number, name in turns(ready.names, plan.rounds):
            sample = _noted(ready, asking[name], partial(asking[name].sample, plan.load_s)) if name in ready.standings else None
            if sample is None:
                continue
            samples[name].append(sample)
            site.say(
                f"  {workload.name} {round_number + 1}/{plan.rounds} {TITLES[name]}: {sample['requests_per_s']:.0f} requests/s, "
                f"{sample['cpu_us_per_request']:.0f} us of processor each"
            )
        for name in ready.names:
            if (connections := asking[name].connections) != plan.connections:
                ready.remark(
                    name, f"asked on {connections} connection: most or all of {plan.connections} waited in vain for {plan.slow_load_s} s"
                )
        return found(ready, {name: samples[name] for name in ready.names}, records=workload.records)


def _noted(ready: Lineup, asking: Asking, sampled: Callable[[], Sample]) -> Sample | None:
    """What is sampled, and what is wrong with it noted; `None` when one of the others gave no answer, who is left out then."""
    name = asking.standing.contender.name
    try:
        sample = sampled()
    except LoadFailed as failure:
        ready.leave_out(name, failure)
        return None
    if (problem := problem_of_sample(sample)) and name not in ready.problems:
        ready.note(name, problem)
    return sample
