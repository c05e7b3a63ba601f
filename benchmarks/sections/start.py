"""From the command to the first answer: seconds on the clock and of the processor, and the memory of the worker then."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders.field import standing
from benchmarks.machine import CannotMeasure
from benchmarks.plan import Plan, Sample
from benchmarks.processes import DidNotStart
from benchmarks.site import Site
from benchmarks.titles import BARE, GATEWAY, LITELLM, PEER, TITLES


def measure_starts(site: Site, plan: Plan) -> dict[str, Any]:
    """Samples of each contender in turn. LiteLLM is started once: it takes long, and differs little."""
    samples: dict[str, list[Sample]] = {}
    problems: dict[str, str] = {}
    for number in range(plan.starts):
        names = [GATEWAY, BARE, *([PEER, *([LITELLM] if number == 0 else [])] if plan.peers else [])]
        for name in names:
            try:
                samples.setdefault(name, []).append(_start(site, name))
            except (CannotMeasure, DidNotStart) as failure:
                if name in (GATEWAY, BARE):
                    raise
                problems[name] = str(failure)
    for name, found in samples.items():
        site.say(f"  start {TITLES[name]}: {min(sample['seconds'] for sample in found):.2f} s at best")
    return {"rounds": {name: found for name, found in samples.items() if found}, "problems": problems}


def _start(site: Site, name: str) -> Sample:
    with standing(name, site, site.canned, "chat") as started:
        program = started.program
        return {"seconds": program.started_s, "cpu_s": program.cpu_s(), "mib": program.memory_bytes() / 2**20}
