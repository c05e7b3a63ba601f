"""One run: the sections of a plan, one after the other, and everything that they found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from benchmarks import workloads
from benchmarks.machine import describe_machine
from benchmarks.plan import Plan
from benchmarks.sections.beginning import measure_first_tokens
from benchmarks.sections.growth import measure_growth
from benchmarks.sections.held import measure_held
from benchmarks.sections.large import measure_large
from benchmarks.sections.lineup import contenders
from benchmarks.sections.memory import measure_memory
from benchmarks.sections.pace import measure_pace
from benchmarks.sections.profile import measure_profile
from benchmarks.sections.start import measure_starts
from benchmarks.sections.throughput import measure_throughput
from benchmarks.site import Site, open_site
from benchmarks.titles import CONSTANT, FLOOR, GATEWAY, LITELLM, PEER, RELAY
from benchmarks.workloads import Workload

OWN = (GATEWAY, RELAY)


def run(plan: Plan) -> dict[str, Any]:
    """What a run found: `machine`, `run` and `sections`, ready for JSON."""
    machine = describe_machine()
    began = time.monotonic()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    sections: dict[str, Any] = {}
    with open_site() as site:
        for name in plan.sections:
            site.say(f"{name} (after {time.monotonic() - began:.0f} s)")
            sections[name] = _SECTIONS[name](site, plan)
    about = {"started": started, "seconds": round(time.monotonic() - began), **asdict(plan)}
    return {"machine": machine, "run": about, "sections": sections}


def _throughput(
    workload: Workload, peers: Sequence[str] = (PEER, LITELLM), floors: Sequence[str] = ()
) -> Callable[[Site, Plan], dict[str, Any]]:
    return lambda site, plan: measure_throughput(
        site, plan, workload, contenders(plan, *OWN, *(floors if plan.ceilings else ()), peers=peers)
    )


_SECTIONS: Mapping[str, Callable[[Site, Plan], dict[str, Any]]] = {
    "chat": _throughput(workloads.chat(), floors=(FLOOR, CONSTANT)),
    "stream": _throughput(workloads.stream(), floors=(FLOOR, CONSTANT)),
    # LiteLLM takes longer to start than to measure; what it does with these two says no more of it.
    "tools": _throughput(workloads.tools(), peers=(PEER,)),
    "embeddings": _throughput(workloads.embeddings(), peers=(PEER,)),
    "paced": measure_pace,
    "first_token": lambda site, plan: measure_first_tokens(site, plan, OWN),
    "held": measure_held,
    "memory": measure_memory,
    "start": measure_starts,
    "large": measure_large,
    "growth": measure_growth,
    "profile": measure_profile,
}
